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
