// The note of one `run`: why it awaits and holds its lock, stored beside the lock for as long as the run lives.
import type { LockManager } from "../lock-manager.js"
import { writeNote } from "./lock-details.js"

/** It is written again at this interval, and ends by itself if its process dies. */
const INTERVAL_MS = 60_000
const TTL_MS = 150_000

export class Note {
  readonly #locks: LockManager
  readonly #name: string
  readonly #text: string
  /** Writes follow one another, so that a late one does not restore a note that was removed. */
  #last: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(locks: LockManager, name: string, text: string) {
    this.#locks = locks
    this.#name = name
    this.#text = text
  }

  /** Writes it, unless that was done already, and keeps it. */
  set(): void {
    if (this.#last) return
    void this.#write(this.#text, TTL_MS)
    this.#timer = setInterval(() => {
      void this.#write(this.#text, TTL_MS)
    }, INTERVAL_MS)
    this.#timer.unref()
  }

  /** Lets it live for exactly that long from now. */
  async keep(ttlMs: number): Promise<void> {
    this.close()
    await this.#write(this.#text, ttlMs)
  }

  async remove(): Promise<void> {
    this.close()
    if (this.#last) await this.#write("", 0)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #write(text: string, ttlMs: number): Promise<void> {
    const write = () => writeNote(this.#locks, this.#name, text, ttlMs)
    return (this.#last = (this.#last ?? Promise.resolve()).then(write))
  }
}
