// The machine's monotonic clock, which reads the same in all of its processes.

/** Milliseconds since some moment in the past, the same for all processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
