// Keeps a hold alive: extends it at a third of its ttl, and while that fails, until it is over.
import { backoffMs } from "../time/backoff.js"
import { backgroundTimer, type Validity } from "../time/validity.js"

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

/** So much of the ttl is left where nothing had to be waited for: less is a lease, or was granted a while ago. */
const NEARLY = 0.9

/** @throws as `Lock.extend` does. */
export async function ensureWholeTtl(
  hold: { readonly remainingMs: number; extend(): Promise<void> },
  ttlMs: number,
): Promise<void> {
  if (hold.remainingMs < ttlMs * NEARLY) await hold.extend()
}
