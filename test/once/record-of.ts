// A result of a run, as the scripts of `once` store and publish it.

/** The record of a value. `settledAt` is the server's time in microseconds. */
export function recordOf(
  text: string,
  {
    settledAt = 1_000_000,
    freshUntilMs = 30_000,
    fingerprint = "-",
    kind = "v",
    bytes = Buffer.byteLength(text),
  } = {},
): string {
  return `fl1 ${"0".repeat(20)} ${settledAt} ${freshUntilMs} ${fingerprint} ${kind} ${bytes} ${text}`
}
