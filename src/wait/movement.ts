// How fast a queue moves, as one who waits in it sees whenever it asks.
import type { Queued } from "../store/store.js"

/** Where it stood, and when by this machine's clock. */
interface Sight {
  readonly place: number
  readonly atMs: number
}

export class Movement {
  #first: Sight | undefined
  #last: Sight | undefined
  #repeats = 0
  #msPerPlace: number | undefined

  /** How often it was seen again where it stands. */
  get repeats(): number {
    return this.#repeats
  }

  /**
   * How long the queue takes to move by one place: since it was seen before that, or all in all, whichever is less. A time
   * in which it stood still, or somebody who was next asked late, is not to be repeated. Undefined where it has not moved.
   */
  get msPerPlace(): number | undefined {
    return this.#msPerPlace
  }

  see({ place, serverTime }: Queued): void {
    const sight = { place, atMs: serverTime.sentAt.monotonicMs }
    const before = this.#last
    this.#last = sight
    this.#first ??= sight
    this.#repeats = before?.place === place ? this.#repeats + 1 : 0
    if (!before || place >= before.place) return
    const latest = rate(before, sight)
    const average = place < this.#first.place ? rate(this.#first, sight) : Infinity
    this.#msPerPlace = Math.min(latest, average)
  }
}

function rate(from: Sight, to: Sight): number {
  return (to.atMs - from.atMs) / (from.place - to.place)
}
