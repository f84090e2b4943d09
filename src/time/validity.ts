// How long a hold may be trusted, and what is left of a time budget, judged by this machine's clocks alone.
import { MAX_TIMER_MS } from "./duration.js"

/** The part of any time by which two clocks may drift apart meanwhile. */
const DRIFT = 0.01

/** A moment on both local clocks. */
export interface Instant {
  readonly wallMs: number
  readonly monotonicMs: number
}

/** This moment. Read it before a request is sent: what the request grants counts from there. */
export function now(): Instant {
  return { wallMs: Date.now(), monotonicMs: performance.now() }
}

/** Milliseconds since `since`: by whichever clock says that more have passed. */
export function elapsedMs(since: Instant): number {
  return Math.max(Date.now() - since.wallMs, performance.now() - since.monotonicMs)
}

/**
 * A stretch of time from an instant on.
 *
 * Two clocks judge, and whichever says "over" first is right: the monotonic one may stand still while a
 * machine sleeps, the wall clock may be set back.
 */
export class Validity {
  readonly #from: Instant
  readonly #forMs: number

  constructor(from: Instant, forMs: number) {
    this.#from = from
    this.#forMs = forMs
  }

  /**
   * The validity of a hold whose key lives for `ttlMs` from some moment after `sentAt`: less 1 % and 2 ms, by
   * which this machine's clock and the server's may drift apart.
   */
  static ofTtl(sentAt: Instant, ttlMs: number): Validity {
    return new Validity(sentAt, ttlMs - ttlMs * DRIFT - 2)
  }

  /**
   * The validity of a lease that the server granted at `micros` on its clock and that we heard of at `heardAt`.
   *
   * No clock is compared with another: `serverTime` says that the server's clock read so and so no earlier than
   * our `sentAt`, so the grant was no earlier than that plus the time between the two on the server's clock. It was
   * no later than when we heard of it either.
   */
  static ofLease(
    serverTime: { sentAt: Instant; micros: number },
    micros: number,
    leaseMs: number,
    heardAt = now(),
  ): Validity {
    const sinceMs = (micros - serverTime.micros) / 1_000
    const driftMs = elapsedMs(serverTime.sentAt) * DRIFT
    const heard = Validity.ofTtl(heardAt, leaseMs)
    const granted = new Validity(serverTime.sentAt, sinceMs + heard.#forMs - driftMs)
    return heard.remainingMs < granted.remainingMs ? heard : granted
  }

  /** Milliseconds left; 0 when it is over. */
  get remainingMs(): number {
    return Math.max(0, this.#forMs - elapsedMs(this.#from))
  }

  /** When it ends, by the wall clock as it stood at the beginning (epoch milliseconds). */
  get endsAtMs(): number {
    return this.#from.wallMs + this.#forMs
  }

  /** Whichever of the two lasts longer. */
  longer(other: Validity): Validity {
    return other.remainingMs > this.remainingMs ? other : this
  }
}

export class Expiry {
  readonly #onOver: () => void
  #validity: Validity
  #timer: ReturnType<typeof setTimeout> | undefined
  #isStopped = false

  /** @param onOver called when it is over, unless it was stopped before: a hold that nobody looks at must end on time, too */
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

  /** Lets it last as long as the validity does, if that is longer. */
  prolong(validity: Validity): void {
    this.#validity = this.#validity.longer(validity)
    this.#arm()
  }

  /** Nobody is told any more when it is over, also if it is prolonged. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #arm(): void {
    clearTimeout(this.#timer)
    if (this.#isStopped) return
    this.#timer = backgroundTimer(() => {
      // A timer may fire a little early, and takes no more than some weeks.
      if (this.remainingMs > 0) this.#arm()
      else this.#onOver()
    }, this.remainingMs)
  }
}

/** Calls back after so many milliseconds, or after the longest time that a timer takes if that is sooner. */
export function backgroundTimer(callback: () => void, ms: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, Math.min(ms, MAX_TIMER_MS))
  // Node's timers keep a process alive unless told not to; elsewhere a timer is a number.
  if (typeof timer === "object" && "unref" in timer) timer.unref()
  return timer
}

/**
 * The shortest useful deadline. A shorter one ends requests that a healthy database is about to answer, and then the
 * outcome is unknown.
 */
export const SHORTEST_DEADLINE_MS = 250

/**
 * The deadline of one request: what is left of a budget, no more than the request may take, and never too short to be
 * useful.
 *
 * @param longestMs what the request may take; the one limit that may be shorter than the floor, since the caller chose it
 * @param leftMs what is left of the budget; negative after a freeze
 */
export function deadlineMs(longestMs: number, leftMs: number): number {
  return Math.min(longestMs, Math.max(SHORTEST_DEADLINE_MS, leftMs))
}

/**
 * Milliseconds from now on that requests may use together.
 *
 * The monotonic clock alone counts. A wall clock that is set forward must not end a wait, and one that is set back must not
 * prolong it. (`Validity` asks both clocks, because there it is safe to stop too early.) While a machine sleeps the
 * monotonic clock may stand still; then the budget goes on with what was left. On Workers it stands still until the next
 * answer or timer, and every pause ends with one of those.
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

  /** Negative when more than all of it was used: after a freeze. */
  get leftMs(): number {
    return this.#forMs - this.usedMs
  }
}
