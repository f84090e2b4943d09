// The queue of a lock on one database: what a waiter sends, and what it hears.
import * as scripts from "../lua/scripts.js"
import { RestError, unexpectedReply } from "../rest/rest-error.js"
import type { Subscription } from "../rest/transport.js"
import { acquire } from "./acquire.js"
import type { Database } from "./database.js"
import { readNotice, RELEASE_LENGTH } from "./replies.js"
import type { Busy, Grant, LockQueue, Notice, Queued, Waiter } from "./store.js"
import { waiterEntry } from "./waiter-entry.js"

export class SingleQueue implements LockQueue {
  readonly noticesEnd: boolean
  readonly #database: Database
  #canListen = true

  constructor(database: Database) {
    this.noticesEnd = database.transport.noticesEnd
    this.#database = database
  }

  get canListen(): boolean {
    return this.#canListen
  }

  async enqueue(waiter: Waiter, ticket = "", timeoutMs: number): Promise<Grant | Queued> {
    const outcome = await acquire(this.#database, waiter, "enqueue", ticket, timeoutMs)
    // Who has just been entered is in the queue.
    if (outcome.kind === "busy") throw unexpectedReply()
    return outcome
  }

  check(waiter: Waiter, ticket: string, timeoutMs: number): Promise<Grant | Queued | Busy> {
    return acquire(this.#database, waiter, "check", ticket, timeoutMs)
  }

  async leave(waiter: Waiter, timeoutMs: number): Promise<void> {
    const args = [waiter.token, waiterEntry(waiter), "0"]
    await this.#database.runHandingOn(scripts.release, waiter.name, args, RELEASE_LENGTH, timeoutMs)
  }

  async listen(
    channel: string,
    onNotice: (notice: Notice) => void,
    timeoutMs: number,
  ): Promise<Subscription> {
    const onMessage = (message: string) => {
      // The channel is ours alone; what is garbled there ends in asking.
      onNotice(readNotice(message) ?? { kind: "end" })
    }
    const onEnd = () => {
      onNotice({ kind: "end" })
    }
    try {
      return await this.#database.transport.subscribe(channel, { onMessage, onEnd }, timeoutMs)
    } catch (error) {
      // A server without streams has none for the next waiter either.
      if (error instanceof RestError && error.outcome === "refused") this.#canListen = false
      throw error
    }
  }
}
