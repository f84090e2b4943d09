// How a hold stands: what its timers reach, so that they keep no handle alive that its holder has dropped.
import { LockLostError, type LossReason } from "../errors.js"
import type { Emit } from "../events.js"
import { Expiry, type Validity } from "../time/validity.js"
import type { Renewal } from "./renewal.js"

export class Standing {
  readonly #name: string
  readonly #emit: Emit
  /** Created lazily: most callers never read `signal`, and an AbortController costs as much as the rest of a lock. */
  #controller: AbortController | undefined
  state: "held" | "lost" | "released" | "transferred" = "held"
  loss: LockLostError | undefined
  readonly expiry: Expiry
  renewal: Renewal | undefined
  /** Called once the hold has ended or is its holder's business no more. */
  onEnd: (() => void) | undefined

  constructor(name: string, validity: Validity, emit: Emit) {
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
    this.#emit({ type: "lost", name: this.#name, reason })
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
