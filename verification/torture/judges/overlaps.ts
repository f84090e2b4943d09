// The judge of overlaps: no two holds of one name, both within their own validity, at the same time. There is no tolerance.
import { GATE_PERMITS, kindOf } from "../places.js"
import type { Hold } from "./hold.js"

/** Holds that have been over for longer are not compared any more: what is noted so late comes from a longer pause than any. */
const KEPT_MS = 60_000

export class Overlaps {
  readonly #recent = new Map<string, Hold[]>()
  #found = 0
  #judged = 0

  get found(): number {
    return this.#found
  }

  /** How many holds were long enough, as far as is known, to be compared with others. */
  get judged(): number {
    return this.#judged
  }

  /** Takes a hold whose end is known, and returns those that it must not have been together with. */
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

/** More than `limit` of the holds that were held at one moment; none if there were never so many. */
function crowd(holds: readonly Hold[], limit: number): readonly Hold[] {
  // It is the most crowded when somebody has just come in.
  const crowds = holds.map(({ from }) => holds.filter((h) => h.from <= from && from < h.until))
  return crowds.find(({ length }) => length > limit) ?? []
}
