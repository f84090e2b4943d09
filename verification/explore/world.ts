// A world: a database, its callers, and everything that can happen next.

/** Something that can happen in a state. */
export interface Happening {
  /** For the reader of a schedule. */
  readonly name: string
  /** Whether it is a fault: the number of faults in a schedule is bounded. */
  readonly isFault: boolean
  /** For how long time passes. */
  readonly ms: number
  /** For how long of that a caller waits for what nobody uses. */
  readonly idleMs: number
}

/** An invariant does not hold. */
export class Violation extends Error {
  override readonly name = "Violation"
}

/** @throws Violation unless the fact is true */
export function must(fact: unknown, otherwise: string): asserts fact {
  if (!fact) throw new Violation(otherwise)
}

/** Whether a caller may start: callers that call alike do so in their order, since another would be the same with other names. */
export function isTurn(
  callers: readonly { readonly phase: string }[],
  terms: readonly object[],
  index: number,
): boolean {
  const nameless = (i: number) => JSON.stringify({ ...terms[i], name: "", token: "" })
  return callers.every(
    ({ phase }, i) => i >= index || phase !== "idle" || nameless(i) !== nameless(index),
  )
}

export interface World<S, H extends Happening> {
  /** A new one each time it is read. @throws Violation on the way to it */
  readonly initial: S
  /** Everything that can happen, always in the same order. Nothing can: every call has ended. */
  happenings(state: S): readonly H[]
  /** The state after it; may be the given one, changed. @throws Violation */
  after(state: S, happening: H): S
  /**
   * The next happening if nothing goes wrong, each request arrives at once and no holder waits before it releases.
   * It is not a fault. Undefined when every call has ended.
   */
  fair(state: S, happenings: readonly H[]): H | undefined
  /** Checks a state in which nothing more happens. @throws Violation */
  atEnd(state: S): void
  /** Within this time every call has ended and the name is free, if nothing more goes wrong. */
  readonly endsWithinMs: number
  /** Within this time in total, those who wait get what nobody uses. */
  readonly idleWithinMs: number
  /** A text for each state, the same for the same state. */
  encode(state: S): string
  decode(text: string): S
  /** The part of the text that tells a state from others. The rest is for the reader. */
  identityOf(text: string): string
  /** The state, for the reader of a schedule: a cell for each of `columns`. */
  readonly columns: readonly string[]
  show(state: S): readonly string[]
}

/** The bounds of an exploration. */
export interface Bounds {
  /** The most happenings in a schedule. */
  readonly depth: number
  /** The most faults in a schedule. */
  readonly faults: number
  /** The most states; then the exploration ends and is incomplete. */
  readonly states: number
}
