// What a run has measured, as it is written to a file.
export interface Report {
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  /** The median round trip of a bare request, by what the wire adds to it. */
  readonly rtt_ms: Readonly<Record<string, number>>
  /** By contender and scenario: a `Result`. */
  readonly contenders: Readonly<Record<string, Readonly<Record<string, object>>>>
  /** What would have taken too long. */
  readonly left_out: readonly string[]
  readonly bundle_bytes: Readonly<Record<string, number>>
}

/** Several runs on one machine as one report; what was measured twice is that of the last. */
export function merged(first: Report, others: readonly Report[]): Report {
  return others.reduce((all, { contenders, rtt_ms, left_out }) => {
    const names = new Set([...Object.keys(all.contenders), ...Object.keys(contenders)])
    const both = [...names].map((name) => [name, { ...all.contenders[name], ...contenders[name] }])
    return {
      ...all,
      rtt_ms: { ...all.rtt_ms, ...rtt_ms },
      contenders: Object.fromEntries(both) as Report["contenders"],
      left_out: [...all.left_out, ...left_out],
    }
  }, first)
}
