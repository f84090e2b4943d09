// Knows who believes to hold the lock, by each holder's own clock, and notices when more do than may.
import { expect } from "vitest"
import type { Lock } from "../../src/index.js"

export class Referee {
  readonly #limit: number
  readonly #hasThefts: boolean
  readonly #locks: Lock[] = []
  grants = 0

  /** @param hasThefts who was robbed believes in its hold until it is told */
  constructor(limit: number, hasThefts: boolean) {
    this.#limit = limit
    this.#hasThefts = hasThefts
  }

  /** A lock was granted, just now. */
  enter(lock: Lock): void {
    this.grants++
    this.#locks.push(lock)
    this.look(lock)
  }

  /** Looks from the side of one that believes in its hold. */
  look(lock: Lock): void {
    if (this.#hasThefts || lock.remainingMs <= 0) return
    const believers = this.#locks.filter(({ remainingMs }) => remainingMs > 0)
    const shared = believers.filter(({ mode }) => mode === "shared").length
    const alone = believers.length - shared
    expect({ alone, shared }, "who believes to hold it").toEqual(
      lock.mode === "shared" ? { alone: 0, shared } : { alone: 1, shared: 0 },
    )
    expect(shared, "how many share it").toBeLessThanOrEqual(this.#limit)
  }

  /** Each grant's fencing token, and the token of who got it. */
  fences(): readonly (readonly [token: string, fence: number])[] {
    return this.#locks.flatMap(({ token, fencingToken }) =>
      fencingToken === undefined ? [] : [[token, fencingToken] as const],
    )
  }
}
