// A hold and a wait as the judges see them.

/** A period in which a client believed that it held a lock, on the machine's monotonic clock. */
export interface Hold {
  readonly client: number
  readonly visit: number
  readonly name: string
  readonly mode: "exclusive" | "shared"
  readonly fence: number | undefined
  /** How long it may outlive its holder. */
  readonly ttlMs: number
  readonly from: number
  /** It was certainly believed until then. */
  until: number
  /** It was believed until then, unless its holder was stopped. For a Worker, without a shared clock, later than `until`. */
  looseUntil: number
  /** When its holder ended it; undefined if it did not. */
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
  outcome: "granted" | "timeout" | "backend" | "aborted" | "lost" | "told" | "killed" | undefined
}

export type Judge =
  | "event"
  | "result"
  | "overlap"
  | "register"
  | "group"
  | "leader"
  | "lock-out"
  | "wait"
  | "keys"
  | "client"

/** Something that must not have happened. */
export interface Finding {
  readonly at: number
  readonly what: string
  readonly facts: unknown
}

/** A violation, and the judge that found it. */
export interface Violation {
  readonly judge: Judge
  /** Seconds since the beginning of the run. */
  readonly second: number
  readonly what: string
  readonly facts: unknown
}
