// Knows which clients believe that they hold the lock, by each holder's own clock, and notices if more do than may.
import { expect } from "vitest"
import type { Lock } from "../../src/index.js"

export class Referee {
  readonly #limit: number
  readonly #hasThefts: boolean
  readonly #locks: Lock[] = []
  grants = 0

  /** @param hasThefts after a steal the previous holder believes in its hold until it finds out */
  constructor(limit: number, hasThefts: boolean) {
    this.#limit = limit
    this.#hasThefts = hasThefts
  }

  /** Notes a grant, just now. */
  enter(lock: Lock): void {
    this.grants++
    this.#locks.push(lock)
    this.look(lock)
  }

  /** Checks from the side of one client that believes in its hold. */
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

  /** Each grant's fencing token, and the token of its holder. */
  fences(): readonly (readonly [token: string, fence: number])[] {
    return this.#locks.flatMap(({ token, fencingToken }) =>
      fencingToken === undefined ? [] : [[token, fencingToken] as const],
    )
  }
}
