// How a hold stands and what keeps it alive: all that its timers reach, so that they keep no handle alive that its holder
// has dropped.
import { LockLostError, type LossReason } from "../errors.js"
import type { Emit } from "../events.js"
import { backoffMs } from "../time/backoff.js"
import { backgroundTimer, Expiry, type Validity } from "../time/validity.js"

export class Standing {
  readonly #name: string
  readonly #emit: Emit | undefined
  /** Created lazily: most callers never read `signal`, and an AbortController costs as much as the rest of a lock. */
  #controller: AbortController | undefined
  state: "held" | "lost" | "released" | "transferred" = "held"
  loss: LockLostError | undefined
  readonly expiry: Expiry
  renewal: Renewal | undefined
  /** Called once the hold has ended or is its holder's business no more. */
  onEnd: (() => void) | undefined

  constructor(name: string, validity: Validity, emit: Emit | undefined) {
    this.#name = name
    this.#emit = emit
    this.expiry = new Expiry(validity, () => {
      this.noticeExpiry()
    })
  }

  get signal(): AbortSignal {
    // A process that was stopped for a while reads this before its timers run.
    this.noticeExpiry()
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.loss) this.#controller.abort(this.loss)
    }
    return this.#controller.signal
  }

  /** @throws `LockLostError` when the hold has ended. */
  assertHeld(): void {
    this.noticeExpiry()
    if (this.loss) throw this.loss
    if (this.state !== "held") throw new LockLostError(this.#name, "released")
  }

  noticeExpiry(): void {
    if (this.state !== "held" || this.expiry.remainingMs > 0) return
    const { renewal } = this
    this.lose(renewal?.isAbandoned ? "abandoned" : renewal?.isFailing ? "unreachable" : "expired")
  }

  lose(reason: LossReason): void {
    this.state = "lost"
    this.loss = new LockLostError(this.#name, reason)
    this.stopTimers()
    this.#emit?.({ type: "lost", name: this.#name, reason })
    this.#controller?.abort(this.loss)
  }

  /** Tells the work under the lock that the lock was released without it. */
  revoke(): void {
    this.loss = new LockLostError(this.#name, "released")
    this.#controller?.abort(this.loss)
  }

  stopTimers(): void {
    this.renewal?.stop()
    this.expiry.stop()
    this.onEnd?.()
  }
}

/** Leads to the handle for as long as somebody else can reach it. */
export interface WeakHandle<T> {
  deref(): T | undefined
}

/**
 * Older Workers have no `WeakRef`. There a handle that was dropped cannot be told from one in use, but its timers, and
 * so its renewals, end with the request that made it.
 */
export function weakly<T extends object>(handle: T): WeakHandle<T> {
  return typeof WeakRef === "function" ? new WeakRef(handle) : { deref: () => handle }
}

/** The hold as its renewal sees it. */
export interface Renewable {
  readonly remainingMs: () => number
  /**
   * Extends the hold to at least `ttlMs` from now.
   *
   * `renewed`, `lost` (and dealt with), `abandoned`, when nobody can reach the handle any more, or `unknown`, when
   * nothing can be said but to try again.
   */
  renew(ttlMs: number): Promise<"renewed" | "lost" | "abandoned" | "unknown">
}

/** When and how long to renew. */
export interface RenewalPlan {
  /** Renew until it has succeeded, and no more. */
  readonly isOnce: boolean
  /** The first renewal is due now. */
  readonly isDue: boolean
  /** After this the hold is no longer extended. */
  readonly until: Validity
}

/** Renews one hold until it is stopped. Its timer does not keep a process alive. */
export class Renewal {
  readonly #hold: Renewable
  readonly #ttlMs: number
  readonly #plan: RenewalPlan
  #timer: ReturnType<typeof setTimeout> | undefined
  #stopped = false
  #isAbandoned = false
  #isFirstDue: boolean
  #failures = 0

  constructor(hold: Renewable, ttlMs: number, plan: RenewalPlan) {
    this.#hold = hold
    this.#ttlMs = ttlMs
    this.#plan = plan
    this.#isFirstDue = plan.isDue
    if (plan.isDue) void this.#renew()
    else this.#schedule()
  }

  /** Whether the latest renewals failed. */
  get isFailing(): boolean {
    return this.#failures > 0
  }

  /** Whether it has stopped because nobody can reach the handle any more. */
  get isAbandoned(): boolean {
    return this.#isAbandoned
  }

  /** No request is sent from here on; one that is under way is not waited for. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    if (this.#stopped) return
    const delay = this.isFailing
      ? Math.min(backoffMs(this.#failures), this.#ttlMs / 10)
      : Math.max(0, this.#dueInMs)
    this.#timer = backgroundTimer(() => void this.#renew(), delay)
  }

  /** A renewal is due when a third of the ttl has passed. */
  get #dueInMs(): number {
    return this.#hold.remainingMs() - this.#ttlMs * (2 / 3)
  }

  async #renew(): Promise<void> {
    // Somebody extended the hold in the meantime.
    if (this.#dueInMs > 1 && !this.#isFirstDue) {
      this.#failures = 0
      this.#schedule()
      return
    }
    const ttlMs = Math.floor(Math.min(this.#ttlMs, this.#plan.until.remainingMs))
    // The longest hold is reached: what is left is all there is.
    if (ttlMs <= this.#hold.remainingMs()) return
    const outcome = await this.#hold.renew(ttlMs)
    this.#isFirstDue &&= outcome === "unknown"
    this.#isAbandoned = outcome === "abandoned"
    if (
      outcome === "lost" ||
      outcome === "abandoned" ||
      (outcome === "renewed" && this.#plan.isOnce)
    )
      return
    this.#failures = outcome === "unknown" ? this.#failures + 1 : 0
    // The last one of a bounded hold: whatever is sent after it gains no more than the drift.
    if (outcome === "renewed" && ttlMs < this.#ttlMs) return
    this.#schedule()
  }
}
