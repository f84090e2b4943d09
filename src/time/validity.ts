// How long a hold can be trusted, and how much of a time budget is left, by this machine's clocks alone.
import { MAX_TIMER_MS } from "./duration.js"

/** The fraction of any period by which two clocks may drift apart. */
const DRIFT = 0.01

/** A moment on both local clocks. */
export interface Instant {
  readonly wallMs: number
  readonly monotonicMs: number
}

/** The current moment. Read it before a request is sent: a grant is valid from then. */
export function now(): Instant {
  return { wallMs: Date.now(), monotonicMs: performance.now() }
}

/** Milliseconds since `since`, by the clock on which more time has passed. */
export function elapsedMs(since: Instant): number {
  return Math.max(Date.now() - since.wallMs, performance.now() - since.monotonicMs)
}

/**
 * A period that begins at an instant.
 *
 * It is over as soon as either clock says so: the monotonic clock may stand still while a machine sleeps, the wall
 * clock may be set back.
 */
export class Validity {
  readonly #from: Instant
  readonly #forMs: number

  constructor(from: Instant, forMs: number) {
    this.#from = from
    this.#forMs = forMs
  }

  /**
   * The validity of a hold whose key lives for `ttlMs` from some moment after `sentAt`: minus 1 % and 2 ms for the
   * drift between this machine's clock and the server's.
   */
  static ofTtl(sentAt: Instant, ttlMs: number): Validity {
    return new Validity(sentAt, ttlMs - ttlMs * DRIFT - 2)
  }

  /**
   * The validity of a lease that the server granted at `micros` on its clock and whose message arrived at `receivedAt`.
   *
   * No clock is compared with another. `serverTime` is a reading of the server's clock taken no earlier than our `sentAt`;
   * so the grant came no earlier than `sentAt` plus the difference of the two readings, and no later than `receivedAt`.
   */
  static ofLease(
    serverTime: { sentAt: Instant; micros: number },
    micros: number,
    leaseMs: number,
    receivedAt = now(),
  ): Validity {
    const sinceMs = (micros - serverTime.micros) / 1_000
    const driftMs = elapsedMs(serverTime.sentAt) * DRIFT
    const fromReceipt = Validity.ofTtl(receivedAt, leaseMs)
    const fromGrant = new Validity(serverTime.sentAt, sinceMs + fromReceipt.#forMs - driftMs)
    return fromReceipt.remainingMs < fromGrant.remainingMs ? fromReceipt : fromGrant
  }

  /** Milliseconds left; 0 when it is over. */
  get remainingMs(): number {
    return Math.max(0, this.#forMs - elapsedMs(this.#from))
  }

  /** When it ends, by the wall clock as it was at the beginning (epoch milliseconds). */
  get endsAtMs(): number {
    return this.#from.wallMs + this.#forMs
  }

  /** The one of the two that lasts longer. */
  longer(other: Validity): Validity {
    return other.remainingMs > this.remainingMs ? other : this
  }
}

export class Expiry {
  readonly #onOver: () => void
  #validity: Validity
  #timer: ReturnType<typeof setTimeout> | undefined
  #isStopped = false

  /** @param onOver called when it is over, unless stopped before: a hold must also end on time if nobody reads its state */
  constructor(validity: Validity, onOver: () => void) {
    this.#validity = validity
    this.#onOver = onOver
    this.#arm()
  }

  /** Milliseconds left; 0 when it is over. */
  get remainingMs(): number {
    return this.#validity.remainingMs
  }

  /** When it ends: epoch milliseconds of the local clock. */
  get endsAtMs(): number {
    return this.#validity.endsAtMs
  }

  /** Extends it to the end of `validity`, and never shortens it; whether it lasts longer now. */
  prolong(validity: Validity): boolean {
    const before = this.#validity
    this.#validity = before.longer(validity)
    this.#arm()
    return this.#validity !== before
  }

  /** `onOver` is not called any more, not even after a `prolong`. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #arm(): void {
    clearTimeout(this.#timer)
    if (this.#isStopped) return
    this.#timer = backgroundTimer(() => {
      // A timer may fire a little early, and its delay is limited (MAX_TIMER_MS).
      if (this.remainingMs > 0) this.#arm()
      else this.#onOver()
    }, this.remainingMs)
  }
}

/** Calls back after `ms`, or after a timer's maximum if that is shorter. */
export function backgroundTimer(callback: () => void, ms: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, Math.min(ms, MAX_TIMER_MS))
  // In Node a timer keeps the process alive until `unref`; elsewhere it is a number.
  if (typeof timer === "object" && "unref" in timer) timer.unref()
  return timer
}

/**
 * The shortest useful deadline. A shorter one would abort requests that a healthy database is about to answer, and leave
 * their outcome unknown.
 */
export const SHORTEST_DEADLINE_MS = 250

/**
 * The deadline of one request: the rest of a budget, at most `longestMs`, and otherwise at least `SHORTEST_DEADLINE_MS`.
 *
 * @param longestMs the limit of one request; it may be below the floor, since the caller chose it
 * @param leftMs the rest of the budget; negative after a freeze
 */
export function deadlineMs(longestMs: number, leftMs: number): number {
  return Math.min(longestMs, Math.max(SHORTEST_DEADLINE_MS, leftMs))
}

/**
 * Milliseconds from now that several requests share.
 *
 * Only the monotonic clock counts. A wall clock that is set forward must not end a wait, and one that is set back must not
 * prolong it. (`Validity` uses both clocks, because there it is safe to stop too early.) While a machine sleeps the
 * monotonic clock may stand still; the budget then continues with its rest. On Workers it stands still until the next
 * reply or timer, and every pause ends with one of those.
 */
export class Budget {
  readonly #startedMs = performance.now()
  readonly #forMs: number

  constructor(forMs: number) {
    this.#forMs = forMs
  }

  get usedMs(): number {
    return Math.max(0, performance.now() - this.#startedMs)
  }

  /** Negative if more than the budget was used, as after a freeze. */
  get leftMs(): number {
    return this.#forMs - this.usedMs
  }
}
