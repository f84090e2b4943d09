// A hold and a wait as the judges see them.

/** A stretch of time in which a client believed that it held a lock, on the machine's monotonic clock. */
export interface Hold {
  readonly client: number
  readonly visit: number
  readonly name: string
  readonly mode: "exclusive" | "shared"
  readonly fence: number | undefined
  /** For how long it outlives its holder at most. */
  readonly ttlMs: number
  readonly from: number
  /** Until then it was believed, as far as is known. */
  until: number
  /** Until then it was believed if its holder was not stopped: for a Worker, which has no shared clock, more than what is sure. */
  looseUntil: number
  /** When its holder let go of it; undefined where it did not. */
  endedAt: number | undefined
  /** When the database was known to have freed it. */
  releasedAt: number | undefined
}

/** An acquire call. */
export interface Wait {
  readonly client: number
  readonly visit: number
  readonly name: string
  readonly from: number
  readonly waitMs: number
  readonly ttlMs: number
  /** When it was settled, or its client died. */
  until: number | undefined
  outcome: "granted" | "timeout" | "backend" | "aborted" | "told" | "killed" | undefined
}

export type Judge = "result" | "overlap" | "register" | "lock-out" | "wait" | "keys" | "client"

/** Something that must not have happened, and which judge says so. */
export interface Violation {
  readonly judge: Judge
  /** Seconds since the beginning of the run. */
  readonly second: number
  readonly what: string
  readonly facts: unknown
}
