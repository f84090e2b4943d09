// The judge of overlaps: two holds of one name must never be valid at the same time. There is no tolerance.
import { GATE_PERMITS, kindOf } from "../places.js"
import type { Hold } from "./hold.js"

/** Holds that have been over for longer are no longer compared: no pause delays a note by this much. */
const KEPT_MS = 60_000

export class Overlaps {
  readonly #recent = new Map<string, Hold[]>()
  #found = 0
  #judged = 0

  get found(): number {
    return this.#found
  }

  /** The number of holds that were long enough to be compared with others. */
  get judged(): number {
    return this.#judged
  }

  /** Adds a completed hold. @returns the holds that it must not have overlapped with */
  add(hold: Hold): readonly Hold[] {
    const { name, from, until } = hold
    if (kindOf(name) === "crown" || until <= from) return []
    this.#judged++
    const recent = (this.#recent.get(name) ?? []).filter((other) => other.until > from - KEPT_MS)
    const together = recent.filter((other) => other.from < until && from < other.until)
    recent.push(hold)
    this.#recent.set(name, recent)
    const excess = this.#excess(hold, together)
    if (excess.length > 0) this.#found++
    return excess
  }

  #excess(hold: Hold, together: readonly Hold[]): readonly Hold[] {
    if (kindOf(hold.name) === "gate") return crowd([hold, ...together], GATE_PERMITS)
    return together.filter(({ mode }) => mode === "exclusive" || hold.mode === "exclusive")
  }
}

/** More than `limit` holds that existed at one moment; none if there were never more than `limit`. */
function crowd(holds: readonly Hold[], limit: number): readonly Hold[] {
  // The maximum is reached at the beginning of a hold.
  const crowds = holds.map(({ from }) => holds.filter((h) => h.from <= from && from < h.until))
  return crowds.find(({ length }) => length > limit) ?? []
}
