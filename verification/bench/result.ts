// What is measured of a contender in a scenario, in the units of the field.

/** Null where it has no meaning, or nobody can count it. */
export interface Result {
  /** The time as a ratio to what the same requests would take with nothing around them. */
  readonly ratio_to_limit: number | null
  /** HTTP requests for each critical section. */
  readonly requests_per_cs: number | null
  /** Commands for each critical section, as Upstash bills them. */
  readonly commands_per_cs: number | null
  /** From the end of one critical section, before its release is sent, to the beginning of the next, in round trips. */
  readonly handoff_p50_rtt: number | null
  readonly handoff_p99_rtt: number | null
  /** How many entered before somebody who had asked more than a round trip earlier. */
  readonly inversions: number | null
  /** Jain's index of how often each had its turn when half of all turns were over: 1 is the same for all. */
  readonly fairness: number | null
  /** Processor time of the client's process for each critical section, in milliseconds. */
  readonly cpu_ms_per_cs: number | null
  /** The same, less that of bare requests in their place. */
  readonly cpu_ms_above_limit: number | null
  /** What a client keeps in memory meanwhile, in kilobytes. */
  readonly heap_kb: number | null
  /** Entries while as many were inside as may be. */
  readonly overlaps: number | null
}

/** What a scenario has to say nothing about. */
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
