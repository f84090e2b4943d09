// Counts the ends of calls and of holds: each has exactly one event.
import type { LockEvent } from "../../src/index.js"

export class EventCount {
  /** The calls that were begun, as the caller says. */
  begun = 0
  #ended = 0
  #holds = 0
  /** Calls that emitted `queued`, and have not ended. */
  #waiting = 0
  readonly #held = new Map<string, number>()
  readonly #surplus: string[] = []
  readonly #dropped = new Map<string, number>()

  readonly onEvent = (event: LockEvent): void => {
    const { type, name } = event
    if (type === "queued") this.#waiting++
    else if (type === "granted" || type === "not-granted" || type === "served") {
      this.#ended++
      if (event.wasQueued) this.#waiting--
      if (type !== "granted") return
      this.#holds++
      this.#held.set(name, (this.#held.get(name) ?? 0) + 1)
    } else if (
      type === "released" ||
      type === "lost" ||
      type === "kept" ||
      type === "transferred"
    ) {
      const left = (this.#held.get(name) ?? 0) - 1
      this.#held.set(name, left)
      if (left < 0) this.#surplus.push(`${name}: ${type} without a hold`)
    }
  }

  get ended(): number {
    return this.#ended
  }

  get holds(): number {
    return this.#holds
  }

  /** A hold of that name was dropped without a release: its end is told when it is noticed, or never. */
  drop(name: string): void {
    this.#dropped.set(name, (this.#dropped.get(name) ?? 0) + 1)
  }

  /** The names with holds that ended without an event, and how many. */
  get open(): readonly (readonly [name: string, holds: number])[] {
    return [...this.#held].filter(([name, holds]) => holds > (this.#dropped.get(name) ?? 0))
  }

  /** The mistakes that are known while no call is in progress; empty if there are none. Each is returned once. */
  miscounted(): readonly string[] {
    const found = this.#surplus.splice(0)
    if (this.#ended !== this.begun) {
      found.push(`${this.begun} calls were begun, and ${this.#ended} ends were told`)
      this.begun = this.#ended
    }
    if (this.#waiting !== 0) {
      found.push(`${this.#waiting} calls were told to wait, and not to have ended`)
      this.#waiting = 0
    }
    return found
  }
}
