// Monitors a hold and renews it, and knows the open holds of a manager. Neither keeps a handle alive that its holder has
// dropped.
import { LockClosedError, LockLostError, type LossReason } from "../errors.js"
import type { Emit, PollingReason, ReleaseResult } from "../events.js"
import { backoffMs } from "../time/backoff.js"
import { untilAborted } from "../time/timers.js"
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
  /** Called when the hold has ended, or when its holder is no longer responsible for it (`keep`, `transfer`). */
  onEnd: (() => void) | undefined
  /** Removes the hold from the open holds of its manager. */
  forget: (() => void) | undefined

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
    this.end()
    this.emitEnd({ type: "lost", reason })
    this.#controller?.abort(this.loss)
  }

  loseIfHeld(reason: LossReason): void {
    if (this.state === "held") this.lose(reason)
  }

  /** From now on, the hold notices at its next renewal that it was stolen. */
  noticeUnwatched(reason: PollingReason): void {
    this.#emit?.({ type: "unwatched", name: this.#name, reason })
  }

  /** Nothing is left to do for it. */
  end(): void {
    this.stopTimers()
    this.forget?.()
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

/** What `releaseAll` ends: a hold, or a call that may become one. */
export interface Open {
  /** Ends it, and resolves when that is done: with a result if it was a hold. */
  revoke(): Promise<unknown>
}

/** How the holds of a manager ended that `releaseAll()` released. */
export interface ReleaseAllResult {
  /** The number of holds that were released, or were over by then. */
  readonly released: number
  /** The number of holds whose release failed, or got no reply in time: their locks are free when their ttl ends. */
  readonly failed: number
}

/** What a manager has open. It keeps nothing alive. */
export class OpenHolds {
  /** Set by `close`. */
  closing: Promise<ReleaseAllResult> | undefined
  /** Each with the name of its lock; a call has none. */
  readonly #all = new Map<WeakHandle<Open>, string | false>()

  /**
   * @param isHold whether it is a hold of the name, and not a call
   * @returns removes it
   * @throws `LockClosedError` after `close`; a hold that was granted at that very moment is released.
   */
  add(open: Open, name: string, isHold = false): () => void {
    if (this.closing) {
      // A failure is reported as an event.
      if (isHold) open.revoke().catch(() => undefined)
      throw new LockClosedError(name)
    }
    // On Workers a request may end without a trace. At each power of two, so that it costs next to nothing.
    const { size } = this.#all
    if (!(size & (size - 1))) {
      for (const each of this.#all.keys()) if (!each.deref()) this.#all.delete(each)
    }
    const handle = weakly(open)
    this.#all.set(handle, isHold && name)
    return () => this.#all.delete(handle)
  }

  /** Whether the manager holds the lock, as far as it knows. */
  has(name: string): boolean {
    return [...this.#all.values()].includes(name)
  }

  /** Ends all of them, and refuses new ones. Once the time is up, it does not wait for the rest. */
  close(withinMs: number): Promise<ReleaseAllResult> {
    return (this.closing ??= this.#close(withinMs))
  }

  async #close(withinMs: number): Promise<ReleaseAllResult> {
    // Listeners of signals may call the manager, which must know by then that it is closed.
    await Promise.resolve()
    // The latest first: a call for several locks then fails because of this, and not because it lost the first of them.
    const all = [...this.#all].reverse()
    let released = 0
    let failed = 0
    const ended = Promise.allSettled(
      all.map(async ([handle, held]) => {
        const open = handle.deref()
        // A handle that was dropped has nothing that could be released.
        if (held && open) failed++
        if (!(await open?.revoke())) return
        released++
        failed--
      }),
    )
    await untilAborted(ended, AbortSignal.timeout(withinMs)).catch(() => undefined)
    return { released, failed }
  }
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
