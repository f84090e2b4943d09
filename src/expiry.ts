// The time for which a hold can be trusted, and the moment at which it no longer can.
import { backgroundTimer } from "./background-timer.js"
import type { Validity } from "./validity.js"

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
