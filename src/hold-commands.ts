// What one hold sends to its store: a single command while nobody is known to wait for it, a script otherwise. The
// command has half of the time, so that there is as much for the script where somebody has come to wait.
import type { Claim, HoldStore, PlainHolds, ReleaseResult } from "./store/store.js"
import { elapsedMs, now, type Validity } from "./validity.js"

/** The hold that sends them. */
export interface Sender {
  readonly store: HoldStore
  readonly claim: Claim
  /** What it was acquired with. */
  readonly ttlMs: number
  /** Whether its key was as `SET … NX` leaves it when it was granted: unmarked until somebody waits. */
  readonly isPlain?: boolean
  /** Whether it began elsewhere, so that it is not known what was sent for it. */
  readonly isAdopted: boolean
}

export class HoldCommands {
  readonly #sender: Sender
  #isPlain: boolean
  /**
   * Whether a plain extension may be on its way. It sets the ttl, so one that is executed late would shorten the hold
   * if another one had made it longer.
   */
  #mayBeShortened: boolean

  constructor(sender: Sender) {
    this.#sender = sender
    this.#isPlain = sender.isPlain ?? false
    this.#mayBeShortened = sender.isAdopted
  }

  async extend(ttlMs: number, timeoutMs: number): Promise<Validity | "taken" | "gone" | "stolen"> {
    const { store, claim } = this.#sender
    const sentAt = now()
    if (ttlMs !== this.#sender.ttlMs) this.#isPlain = false
    if (this.#plain) {
      this.#mayBeShortened = true
      const validity = await this.#plain.extend(claim, ttlMs, timeoutMs / 2)
      if (validity) return validity
      this.#isPlain = false
    }
    const extension = { ...claim, ttlMs, mayBeShortened: this.#mayBeShortened }
    return store.extend(extension, Math.max(1, timeoutMs - elapsedMs(sentAt)))
  }

  /** What it sends first leaves in the tick of the call, before whatever the caller sends next. */
  release(timeoutMs: number): Promise<ReleaseResult> {
    const { store, claim } = this.#sender
    const plain = this.#plain
    // Sent once: who asks again wants to know what became of the hold.
    this.#isPlain = false
    return plain ? this.#releasePlainly(plain, timeoutMs) : store.release(claim, timeoutMs)
  }

  async #releasePlainly(plain: PlainHolds, timeoutMs: number): Promise<ReleaseResult> {
    const { store, claim } = this.#sender
    const sentAt = now()
    if (await plain.release(claim, timeoutMs / 2)) return "released"
    return store.release(claim, Math.max(1, timeoutMs - elapsedMs(sentAt)))
  }

  get #plain(): PlainHolds | undefined {
    const { plain } = this.#sender.store
    return this.#isPlain && plain?.isAvailable ? plain : undefined
  }
}
