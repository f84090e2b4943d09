// What happened in a run: who held what when, and with which fencing token; and what of it must not have happened.
import type { FencedLock } from "../../../src/index.js"

/** One hold on the one monotonic clock of this process, while it was within its own validity. */
export interface Hold {
  readonly name: string
  readonly fencingToken: number
  readonly from: number
  /** Until its holder let go of it, or could not trust it any more. */
  until: number
}

export class History {
  readonly #holds: Hold[] = []

  get holds(): readonly Hold[] {
    return this.#holds
  }

  /** Notes a grant that was just made, and answers how its further life is noted. */
  begin(lock: FencedLock): { extended: () => void; ended: () => void } {
    const now = performance.now()
    const { name, fencingToken, remainingMs } = lock
    const hold: Hold = { name, fencingToken, from: now, until: now + remainingMs }
    this.#holds.push(hold)
    return {
      extended: () => {
        hold.until = performance.now() + lock.remainingMs
      },
      // Called before the release is sent.
      ended: () => {
        hold.until = Math.min(hold.until, performance.now())
      },
    }
  }

  /** The pairs of holds of one name that overlapped. There is no tolerance. */
  get overlaps(): readonly (readonly [Hold, Hold])[] {
    return this.#pairs().filter(([before, after]) => after.from < before.until)
  }

  /** The pairs of grants in a row of which the later one has no greater fencing token. */
  get fencingFailures(): readonly (readonly [Hold, Hold])[] {
    return this.#pairs().filter(([before, after]) => after.fencingToken <= before.fencingToken)
  }

  /** Each hold with the one before it that lasted longest; holds are noted in the order of their beginnings. */
  #pairs(): (readonly [Hold, Hold])[] {
    const pairs: (readonly [Hold, Hold])[] = []
    const longest = new Map<string, Hold>()
    const latest = new Map<string, Hold>()
    for (const hold of this.#holds) {
      const before = longest.get(hold.name)
      const last = latest.get(hold.name)
      if (before) pairs.push([before, hold])
      if (last && last !== before) pairs.push([last, hold])
      if (!before || hold.until > before.until) longest.set(hold.name, hold)
      latest.set(hold.name, hold)
    }
    return pairs
  }
}
