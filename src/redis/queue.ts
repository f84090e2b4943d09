// The queue of a lock on one database: the requests of a waiter, and the messages that it receives.
import * as scripts from "./lua/scripts.js"
import { now } from "../time/validity.js"
import type { Database } from "./database.js"
import { unexpectedReply } from "./redis-error.js"
import { ACQUIRE_LENGTH, readAcquired, readNotice, RELEASE_LENGTH } from "./replies.js"
import type { Busy, Grant, LockQueue, Notice, Queued, Waiter } from "./store.js"
import type { Subscription } from "./transport.js"

export class SingleQueue implements LockQueue {
  readonly noticesEnd: boolean
  readonly #database: Database

  constructor(database: Database) {
    this.noticesEnd = database.transport.noticesEnd
    this.#database = database
  }

  get canListen(): boolean {
    return this.#database.canListen
  }

  async enqueue(waiter: Waiter, ticket = "", timeoutMs: number): Promise<Grant | Queued> {
    const outcome = await acquire(this.#database, waiter, "enqueue", ticket, timeoutMs)
    // After an enqueue, the waiter is in the queue.
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

  listen(
    channel: string,
    onNotice: (notice: Notice) => void,
    timeoutMs: number,
  ): Promise<Subscription> {
    const onMessage = (message: string) => {
      // The channel is ours alone; after a garbled message the waiter polls.
      onNotice(readNotice(message) ?? { kind: "end" })
    }
    const onEnd = () => {
      onNotice({ kind: "end" })
    }
    return this.#database.listen(channel, { onMessage, onEnd }, timeoutMs)
  }
}

/** @param ticket the waiter's ticket; empty before it has one */
export async function acquire(
  database: Database,
  waiter: Waiter,
  action: "try" | "enqueue" | "check",
  ticket: string,
  timeoutMs: number,
): Promise<Grant | Queued | Busy> {
  const { name, ttlMs } = waiter
  const args = [waiterEntry(waiter), String(ttlMs), action, ticket]
  const sentAt = now()
  const answer = await database.runHandingOn(scripts.acquire, name, args, ACQUIRE_LENGTH, timeoutMs)
  return readAcquired(answer, sentAt, waiter)
}

/**
 * Token, channel (`-`: none), lease in milliseconds, whether a fencing token is requested, how many may share the lock
 * (`x`: exclusive, `0`: unlimited).
 */
export function waiterEntry({
  token,
  channel = "-",
  leaseMs,
  fencing,
  limit,
}: Pick<Waiter, "token" | "channel" | "leaseMs" | "fencing" | "limit">): string {
  const mode = limit === undefined ? "x" : limit === Infinity ? 0 : limit
  return `${token} ${channel} ${leaseMs} ${fencing ? 1 : 0} ${mode}`
}
