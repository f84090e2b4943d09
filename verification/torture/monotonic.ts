// The machine's monotonic clock, which reads the same in all of its processes.

/** Milliseconds since a fixed moment, which is the same for all processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
