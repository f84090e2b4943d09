// The results of a run, as they are written to a file.

/** A measurement that was left out. */
export interface LeftOut {
  readonly scenario: string
  /** Missing if it concerns all contenders. */
  readonly contender?: string
  readonly why: string
}

export interface Report {
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  /** The median round trip of a bare request, by what the wire adds to it. */
  readonly rtt_ms: Readonly<Record<string, number>>
  /** By contender and scenario: a `Result`. */
  readonly contenders: Readonly<Record<string, Readonly<Record<string, object>>>>
  readonly left_out: readonly LeftOut[]
  readonly bundle_bytes: Readonly<Record<string, number>>
}

/**
 * Merges several runs into one report. If something was measured twice, the last run counts.
 *
 * @throws `TypeError` for runs that cannot be compared: on another machine, or of another version.
 */
export function merged(first: Report, others: readonly Report[]): Report {
  return others.reduce((all, one) => {
    for (const field of ["machine", "versions"] as const) {
      if (JSON.stringify(all[field]) !== JSON.stringify(one[field])) {
        throw new TypeError(`the runs differ in ${field}`)
      }
    }
    const names = new Set([...Object.keys(all.contenders), ...Object.keys(one.contenders)])
    const both = [...names].map((name) => [
      name,
      { ...all.contenders[name], ...one.contenders[name] },
    ])
    const contenders = Object.fromEntries(both) as Report["contenders"]
    const isMissing = ({ scenario, contender }: LeftOut) =>
      contender === undefined
        ? Object.values(contenders).every((results) => !(scenario in results))
        : !(scenario in (contenders[contender] ?? {}))
    const leftOut = [...all.left_out, ...one.left_out].map((it) => JSON.stringify(it))
    return {
      ...all,
      contenders,
      rtt_ms: { ...all.rtt_ms, ...one.rtt_ms },
      bundle_bytes: { ...all.bundle_bytes, ...one.bundle_bytes },
      left_out: [...new Set(leftOut)].map((it) => JSON.parse(it) as LeftOut).filter(isMissing),
    }
  }, first)
}
