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
  /** The numbers of the waits, by name. */
  readonly #waits = new Map<string, number>()
  /** Those of the holds, the oldest first: one that is given back may be told to be free after the next one was granted. */
  readonly #holds = new Map<string, number[]>()

  /** @param group the visit that takes all of these locks together */
  constructor(visit: Pick<Visit, "diary" | "nextVisit" | "errand">, group?: number) {
    this.#visit = visit
    this.#group = group
  }

  /** The holds among these locks that have not been lost meanwhile, with the numbers under which they are noted. */
  held(locks: readonly Lock[]): readonly Held[] {
    return locks.flatMap((lock) => {
      const number = this.#holds.get(lock.name)?.at(-1)
      return number === undefined ? [] : [{ lock, number }]
    })
  }

  /** Events come in order, and a diary keeps it. A Worker's that cannot be sent is an unhandled rejection, which is found. */
  readonly onEvent = (event: LockEvent): void => {
    const { diary } = this.#visit
    const { type, name } = event
    const holds = this.#holds.get(name) ?? []
    if (type === "queued") this.#begin(name)
    else if (type === "granted") {
      const number = this.#endWait(name)
      this.#holds.set(name, [...holds, number])
      void diary.takes(number, this.#call(name))
    } else if (type === "not-granted") {
      // A call that did not wait, and was told that the lock is held, has left nothing behind.
      if (event.reason !== "busy") void diary.gaveUp(this.#endWait(name), WHY[event.reason])
    } else if (type === "renewed") {
      const number = holds.at(-1)
      if (number !== undefined) void diary.renewed(number, event.remainingMs)
    } else if (type === "lost" || type === "released") {
      const number = type === "lost" ? holds.pop() : holds.shift()
      if (number === undefined) return
      // A leader notes itself when it has settled: the lock must not be released before.
      if (type === "lost" || this.#group !== undefined) void diary.ended(number)
      if (type === "lost") return
      void diary.released(number, event.result === "unknown" ? "failed" : event.result)
    }
  }

  /** A call that was granted its lock at once, or failed at once, begins here. */
  #endWait(name: string): number {
    const number = this.#waits.get(name) ?? this.#begin(name)
    this.#waits.delete(name)
    return number
  }

  #begin(name: string): number {
    const { diary, nextVisit } = this.#visit
    const number = nextVisit()
    this.#waits.set(name, number)
    void diary.queued(number, this.#call(name))
    return number
  }

  #call(name: string): Call {
    const { waitMs, ttlMs } = this.#visit.errand
    return { name, waitMs, ttlMs, group: this.#group }
  }
}
