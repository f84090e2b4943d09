// The history of a run: all holds with their fencing tokens, and the violations among them.
import type { FencedLock } from "../../../src/index.js"

/** The valid time of one hold, on the monotonic clock of this process. */
export interface Hold {
  readonly name: string
  readonly fencingToken: number
  readonly from: number
  /** When its holder ended it, or could no longer trust it. */
  until: number
}

export class History {
  readonly #holds: Hold[] = []

  get holds(): readonly Hold[] {
    return this.#holds
  }

  /** Records a new grant. @returns callbacks for its extension and its end */
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

  /** The pairs of successive grants of which the later one does not have a greater fencing token. */
  get fencingFailures(): readonly (readonly [Hold, Hold])[] {
    return this.#pairs().filter(([before, after]) => after.fencingToken <= before.fencingToken)
  }

  /** Each hold with the earlier one that lasted longest, and with its predecessor. Holds are recorded in order. */
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
