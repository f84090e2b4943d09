// The measurements of a contender in a scenario, in the units of the field.

/** Null if it has no meaning, or cannot be counted. */
export interface Result {
  /** The time as a ratio to that of the same requests as bare fetches. */
  readonly ratio_to_limit: number | null
  /** HTTP requests for each critical section. */
  readonly requests_per_cs: number | null
  /** Commands for each critical section, as Upstash bills them. */
  readonly commands_per_cs: number | null
  /** From the end of one critical section, before its release is sent, to the beginning of the next, in round trips. */
  readonly handoff_p50_rtt: number | null
  readonly handoff_p99_rtt: number | null
  /** How many contenders overtook another one that had asked more than a round trip earlier. */
  readonly inversions: number | null
  /** Jain's index of the turns of each contender after half of all turns: 1 means that all had the same number. */
  readonly fairness: number | null
  /** Processor time of the client's process for each critical section, in milliseconds. */
  readonly cpu_ms_per_cs: number | null
  /** The same, minus that of bare requests. */
  readonly cpu_ms_above_limit: number | null
  /** The client's memory meanwhile, in kilobytes. */
  readonly heap_kb: number | null
  /** Entries that exceeded the number of permits. */
  readonly overlaps: number | null
}

/** The values of everything that a scenario does not measure. */
export const NOTHING: Result = {
  ratio_to_limit: null,
  requests_per_cs: null,
  commands_per_cs: null,
  handoff_p50_rtt: null,
  handoff_p99_rtt: null,
  inversions: null,
  fairness: null,
  cpu_ms_per_cs: null,
  cpu_ms_above_limit: null,
  heap_kb: null,
  overlaps: null,
}
