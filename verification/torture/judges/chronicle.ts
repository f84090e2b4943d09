// Assembles holds and waits from the notes of all clients.
import type { TimedNote } from "../client/notes.js"
import { LONG_TTL_MS } from "../times.js"
import type { Hold, Wait } from "./hold.js"

/** How long a hold stays open after its end, in case its holder has noted more. */
const SETTLING_MS = 1_000

/** Receives completed holds and waits. */
export interface Reader {
  onHold(hold: Hold): void
  onWait(wait: Wait): void
}

export class Chronicle {
  readonly #reader: Reader
  readonly #holds = new Map<string, Hold>()
  readonly #waits = new Map<string, Wait>()
  #grants = 0

  constructor(reader: Reader) {
    this.#reader = reader
  }

  get grants(): number {
    return this.#grants
  }

  get openWaits(): readonly Wait[] {
    return [...this.#waits.values()]
  }

  /** The beginning of the oldest open hold or wait; `now` if there is none. */
  openSince(now: number): number {
    const open = [...this.#holds.values(), ...this.#waits.values()]
    return open.reduce((least, { from }) => Math.min(least, from), now)
  }

  note(client: number, note: TimedNote): void {
    if (!("visit" in note)) return
    const id = `${client} ${note.visit}`
    const { at } = note
    const hold = this.#holds.get(id)
    switch (note.kind) {
      case "waits": {
        const { name, visit, waitMs, ttlMs } = note
        const open = { until: undefined, outcome: undefined }
        this.#waits.set(id, { client, visit, name, from: at, waitMs, ttlMs, ...open })
        return
      }
      case "gave-up":
        this.#settle(id, at, note.why)
        return
      case "granted": {
        const { visit, name, mode, fence, until, leftMs } = note
        const ttlMs = this.#waits.get(id)?.ttlMs ?? LONG_TTL_MS
        // An adoption is not a grant. All locks of a group are one, once it has them.
        if (this.#waits.has(id) && note.group === undefined) this.#grants++
        this.#settle(id, at, "granted")
        const open = { looseUntil: at + leftMs, endedAt: undefined, releasedAt: undefined }
        this.#holds.set(id, { client, visit, name, mode, fence, ttlMs, from: at, until, ...open })
        return
      }
      case "holds":
        if (!hold || hold.endedAt !== undefined) return
        hold.until = Math.max(hold.until, note.until)
        hold.looseUntil = Math.max(hold.looseUntil, at + note.leftMs)
        return
      case "ended":
        if (!hold) return
        hold.endedAt ??= at
        hold.until = Math.min(hold.until, at)
        hold.looseUntil = Math.min(hold.looseUntil, at)
        return
      case "released":
        if (hold && note.result === "released") hold.releasedAt = at
        if (hold) this.#close(id, hold)
        return
      case "told":
        this.#settle(id, at, "told")
        return
      case "gathered":
        this.#grants++
        return
      case "gathers":
      case "settled":
      case "refused":
    }
  }

  /** The client died at that time: its holds and waits end. */
  killed(client: number, at: number): void {
    for (const [id, hold] of this.#holds) {
      if (hold.client !== client) continue
      hold.until = Math.min(hold.until, at)
      hold.looseUntil = Math.min(hold.looseUntil, at)
      this.#close(id, hold)
    }
    for (const [id, wait] of this.#waits) if (wait.client === client) this.#settle(id, at, "killed")
  }

  /** Closes holds that have been over for some time. */
  advance(now: number): void {
    for (const [id, hold] of this.#holds) {
      // A holder that ends its hold sends a release next, and notes the result.
      const over = hold.endedAt ?? hold.looseUntil
      if (now > over + SETTLING_MS * (hold.endedAt === undefined ? 1 : 3)) this.#close(id, hold)
    }
  }

  /** Closes all holds: no more notes will follow. */
  end(): void {
    for (const [id, hold] of this.#holds) this.#close(id, hold)
  }

  #close(id: string, hold: Hold): void {
    this.#holds.delete(id)
    this.#reader.onHold(hold)
  }

  #settle(id: string, at: number, outcome: Exclude<Wait["outcome"], undefined>): void {
    const wait = this.#waits.get(id)
    if (!wait) return
    this.#waits.delete(id)
    wait.until = at
    wait.outcome = outcome
    this.#reader.onWait(wait)
  }
}
