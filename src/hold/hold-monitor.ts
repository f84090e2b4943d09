// Monitors a hold and renews it. Its timers reach only what is here, so they do not keep a handle alive that its holder has
// dropped.
import { LockLostError, type LossReason } from "../errors.js"
import type { Emit, PollingReason, ReleaseResult } from "../events.js"
import { backoffMs } from "../time/backoff.js"
import { backgroundTimer, elapsedMs, Expiry, now, type Validity } from "../time/validity.js"

/** How a hold ended. */
type HoldEnd =
  | { readonly type: "lost"; readonly reason: LossReason }
  | { readonly type: "released"; readonly result: ReleaseResult | "unknown" }
  | { readonly type: "kept" | "transferred" }

export class HoldMonitor {
  readonly #name: string
  readonly #emit: Emit | undefined
  /** When the hold began, or was adopted. */
  readonly #since = now()
  #hasEnded = false
  /** Created lazily: most callers never read `signal`, and an AbortController costs as much as the rest of a lock. */
  #controller: AbortController | undefined
  state: "held" | "lost" | "released" | "transferred" = "held"
  loss: LockLostError | undefined
  readonly expiry: Expiry
  renewal: Renewal | undefined
  /** Called when the hold has ended, or when its manager is no longer responsible for it (`keep`, `transfer`). */
  onEnd: (() => void) | undefined

  constructor(name: string, validity: Validity, emit: Emit | undefined) {
    this.#name = name
    this.#emit = emit
    this.expiry = new Expiry(validity, () => {
      this.noticeExpiry()
    })
  }

  get signal(): AbortSignal {
    // After a freeze, this may be read before the timers run.
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

  /** Emits the end of the hold, only once: a hold that was lost or kept may still be released. */
  emitEnd(end: HoldEnd): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#emit?.({ ...end, name: this.#name, heldMs: elapsedMs(this.#since) })
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
    this.emitEnd({ type: "lost", reason })
    this.#controller?.abort(this.loss)
  }

  /**
   * A message says that the hold was stolen. Anyone who may publish can have sent it, so it only takes away: the hold is not
   * trusted any more, and its release still goes to the database.
   */
  noticeStolen(): void {
    if (this.state === "held") this.lose("stolen")
  }

  /** From now on, the hold notices at its next renewal that it was stolen. */
  noticeUnwatched(reason: PollingReason): void {
    if (this.state === "held") this.#emit?.({ type: "unwatched", name: this.#name, reason })
  }

  /** Aborts the signal of a hold that is released without its holder. */
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

/** Refers to the handle without keeping it alive. */
export interface WeakHandle<T> {
  deref(): T | undefined
}

/**
 * Older Workers have no `WeakRef`. There a dropped handle cannot be distinguished from one in use, but its timers, and so
 * its renewals, end with the request that created it.
 */
export function weakly<T extends object>(handle: T): WeakHandle<T> {
  return typeof WeakRef === "function" ? new WeakRef(handle) : { deref: () => handle }
}

/** The part of a hold that its renewal uses. */
export interface Renewable {
  readonly remainingMs: () => number
  /**
   * Extends the hold to at least `ttlMs` from now.
   *
   * `renewed`; `lost`, which has been handled; `abandoned`, when the handle cannot be reached any more; or `unknown`, when
   * it has to be tried again.
   */
  renew(ttlMs: number): Promise<"renewed" | "lost" | "abandoned" | "unknown">
}

/** When and for how long to renew. */
export interface RenewalOptions {
  /** Stop after the first success. */
  readonly isOnce: boolean
  /** The first renewal is due now. */
  readonly isDue: boolean
  /** The hold is not extended beyond this. */
  readonly until: Validity
}

/** Renews one hold until it is stopped. Its timer does not keep a process alive. */
export class Renewal {
  readonly #hold: Renewable
  readonly #ttlMs: number
  readonly #options: RenewalOptions
  #timer: ReturnType<typeof setTimeout> | undefined
  #stopped = false
  #isAbandoned = false
  #isFirstDue: boolean
  #failures = 0

  constructor(hold: Renewable, ttlMs: number, options: RenewalOptions) {
    this.#hold = hold
    this.#ttlMs = ttlMs
    this.#options = options
    this.#isFirstDue = options.isDue
    if (options.isDue) void this.#renew()
    else this.#schedule()
  }

  /** Whether the latest renewals failed. */
  get isFailing(): boolean {
    return this.#failures > 0
  }

  /** Whether it has stopped because the handle cannot be reached any more. */
  get isAbandoned(): boolean {
    return this.#isAbandoned
  }

  /** No further request is sent; one in flight is not waited for. */
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
    // The holder has extended the hold in the meantime.
    if (this.#dueInMs > 1 && !this.#isFirstDue) {
      this.#failures = 0
      this.#schedule()
      return
    }
    const ttlMs = Math.floor(Math.min(this.#ttlMs, this.#options.until.remainingMs))
    // The maximum hold is reached.
    if (ttlMs <= this.#hold.remainingMs()) return
    const outcome = await this.#hold.renew(ttlMs)
    this.#isFirstDue &&= outcome === "unknown"
    this.#isAbandoned = outcome === "abandoned"
    if (
      outcome === "lost" ||
      outcome === "abandoned" ||
      (outcome === "renewed" && this.#options.isOnce)
    )
      return
    this.#failures = outcome === "unknown" ? this.#failures + 1 : 0
    // The last renewal of a bounded hold: another one would gain no more than the drift.
    if (outcome === "renewed" && ttlMs < this.#ttlMs) return
    this.#schedule()
  }
}
