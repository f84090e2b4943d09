// Records what a visit believes. The notes of a Node process survive its end in a file; a Worker sends them.
import type { Lock } from "../../../src/index.js"
import type { EventCount } from "../../../test/support/event-count.js"
import type { GaveUp, Note } from "./notes.js"

export interface Diary {
  waits(visit: number, name: string, waitMs: number, ttlMs: number): Promise<void>
  /** The same for a call that is part of a group's, or of a candidate's. */
  queued(visit: number, call: Call): Promise<void>
  gathers(visit: number, names: readonly string[], waitMs: number, ttlMs: number): Promise<void>
  gathered(visit: number): Promise<void>
  gaveUp(visit: number, why: GaveUp): Promise<void>
  /** A hold begins, known from an event alone: it is certain at this moment alone, and may last for its ttl. */
  takes(visit: number, call: Call): Promise<void>
  granted(visit: number, lock: Lock): Promise<void>
  /** The same for the renewal of such a hold. */
  renewed(visit: number, leftMs: number): Promise<void>
  /** Called now and then during a hold. */
  holds(visit: number, lock: Lock): Promise<void>
  ended(visit: number): Promise<void>
  released(visit: number, result: "released" | "taken" | "gone" | "failed"): Promise<void>
  refused(visit: number, fence: number): Promise<void>
  told(visit: number, run: string, source: "joined" | "remembered"): Promise<void>
  settled(visit: number, isSure: boolean): Promise<void>
  misled(what: string): Promise<void>
  miscounted(found: readonly string[]): Promise<void>
  counted(count: EventCount): Promise<void>
  broken(reason: unknown): Promise<void>
}

/** A call of which only the events are seen. */
export interface Call {
  readonly name: string
  readonly waitMs: number
  readonly ttlMs: number
  readonly group: number | undefined
}

/** A hold without its lock. */
const NOTHING_LEFT = { remainingMs: 0 }

/** A diary that converts each call to a note. */
export class NoteDiary implements Diary {
  readonly #write: (note: Note) => Promise<void>
  readonly #validUntil: (hold: Pick<Lock, "remainingMs">) => number

  /**
   * @param write records the note synchronously, before it returns its promise
   * @param validUntil the time until which the hold is believed valid without interruption
   */
  constructor(
    write: (note: Note) => Promise<void>,
    validUntil: (hold: Pick<Lock, "remainingMs">) => number,
  ) {
    this.#write = write
    this.#validUntil = validUntil
  }

  waits(visit: number, name: string, waitMs: number, ttlMs: number): Promise<void> {
    return this.#write({ kind: "waits", visit, name, waitMs, ttlMs })
  }

  queued(visit: number, { name, waitMs, ttlMs, group }: Call): Promise<void> {
    return this.#write({ kind: "waits", visit, name, waitMs, ttlMs, group })
  }

  gathers(visit: number, names: readonly string[], waitMs: number, ttlMs: number): Promise<void> {
    return this.#write({ kind: "gathers", visit, names, waitMs, ttlMs })
  }

  gathered(visit: number): Promise<void> {
    return this.#write({ kind: "gathered", visit })
  }

  takes(visit: number, { name, ttlMs, group }: Call): Promise<void> {
    const until = this.#validUntil(NOTHING_LEFT)
    const mode = "exclusive"
    return this.#write({ kind: "granted", visit, name, mode, until, leftMs: ttlMs, group })
  }

  renewed(visit: number, leftMs: number): Promise<void> {
    return this.#write({ kind: "holds", visit, until: this.#validUntil(NOTHING_LEFT), leftMs })
  }

  gaveUp(visit: number, why: GaveUp): Promise<void> {
    return this.#write({ kind: "gave-up", visit, why })
  }

  granted(visit: number, lock: Lock): Promise<void> {
    const { name, mode, fencingToken: fence } = lock
    const until = this.#validUntil(lock)
    const leftMs = lock.remainingMs
    return this.#write({ kind: "granted", visit, name, mode, until, leftMs, fence })
  }

  async holds(visit: number, lock: Lock): Promise<void> {
    const until = this.#validUntil(lock)
    const leftMs = lock.remainingMs
    if (leftMs > 0) await this.#write({ kind: "holds", visit, until, leftMs })
  }

  ended(visit: number): Promise<void> {
    return this.#write({ kind: "ended", visit })
  }

  released(visit: number, result: "released" | "taken" | "gone" | "failed"): Promise<void> {
    return this.#write({ kind: "released", visit, result })
  }

  refused(visit: number, fence: number): Promise<void> {
    return this.#write({ kind: "refused", visit, fence })
  }

  told(visit: number, run: string, source: "joined" | "remembered"): Promise<void> {
    return this.#write({ kind: "told", visit, run, source })
  }

  settled(visit: number, isSure: boolean): Promise<void> {
    return this.#write({ kind: "settled", visit, isSure })
  }

  misled(what: string): Promise<void> {
    return this.#write({ kind: "misled", what })
  }

  async miscounted(found: readonly string[]): Promise<void> {
    if (found.length > 0) await this.#write({ kind: "miscounted", found })
  }

  counted(count: EventCount): Promise<void> {
    const { ended: calls, holds, open } = count
    return this.#write({ kind: "counted", calls, holds, open })
  }

  broken(reason: unknown): Promise<void> {
    const text = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)
    return this.#write({ kind: "broken", reason: text })
  }
}
