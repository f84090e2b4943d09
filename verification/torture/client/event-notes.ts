// Notes the waits and holds of a call that acquires locks by itself, several or again and again, from its events.
import type { Lock, LockEvent } from "../../../src/index.js"
import type { Call } from "./diary.js"
import type { Visit } from "./visit.js"
import type { Held } from "./work.js"

const WHY = {
  busy: "timeout",
  timeout: "timeout",
  aborted: "aborted",
  closed: "aborted",
  error: "backend",
} as const

export class EventNotes {
  readonly #visit: Pick<Visit, "diary" | "nextVisit" | "errand">
  readonly #group: number | undefined
  /** The number of the wait or hold of each name. */
  readonly #numbers = new Map<string, number>()

  /** @param group the visit that takes all of these locks together */
  constructor(visit: Pick<Visit, "diary" | "nextVisit" | "errand">, group?: number) {
    this.#visit = visit
    this.#group = group
  }

  /** The holds among these locks that have not been lost meanwhile, with the numbers under which they are noted. */
  held(locks: readonly Lock[]): readonly Held[] {
    return locks.flatMap((lock) => {
      const number = this.#numbers.get(lock.name)
      return number === undefined ? [] : [{ lock, number }]
    })
  }

  /** Events come in order, and a diary keeps it. A Worker's that cannot be sent is an unhandled rejection, which is found. */
  readonly onEvent = (event: LockEvent): void => {
    const { diary } = this.#visit
    const { type, name } = event
    // A call that was granted its lock at once, or failed at once, begins here.
    const isEnd = type === "granted" || (type === "not-granted" && event.reason !== "busy")
    const known = this.#numbers.get(name)
    const number = known ?? (type === "queued" || isEnd ? this.#begin(name) : undefined)
    if (number === undefined) return
    if (type === "granted") void diary.takes(number, this.#call(name))
    else if (type === "renewed") void diary.renewed(number, event.remainingMs)
    else if (type === "not-granted" || type === "lost" || type === "released") {
      this.#numbers.delete(name)
      if (type === "not-granted") void diary.gaveUp(number, WHY[event.reason])
      // A leader notes itself when it has settled: the lock must not be released before.
      else if (type === "lost" || this.#group !== undefined) void diary.ended(number)
      if (type !== "released") return
      void diary.released(number, event.result === "unknown" ? "failed" : event.result)
    }
  }

  #begin(name: string): number {
    const { diary, nextVisit } = this.#visit
    const number = nextVisit()
    this.#numbers.set(name, number)
    void diary.queued(number, this.#call(name))
    return number
  }

  #call(name: string): Call {
    const { waitMs, ttlMs } = this.#visit.errand
    return { name, waitMs, ttlMs, group: this.#group }
  }
}
