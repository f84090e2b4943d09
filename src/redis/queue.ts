// The queue of a lock on one database: what a waiter sends, and what it hears.
import * as scripts from "./lua/scripts.js"
import { now } from "../time/validity.js"
import type { Database } from "./database.js"
import { RedisError, unexpectedReply } from "./redis-error.js"
import { ACQUIRE_LENGTH, readAcquired, readNotice, RELEASE_LENGTH } from "./replies.js"
import type { Busy, Grant, LockQueue, Notice, Queued, Waiter } from "./store.js"
import type { Subscription } from "./transport.js"

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
      if (error instanceof RedisError && !error.mayPass) this.#canListen = false
      throw error
    }
  }
}

/** @param ticket the waiter's place in the queue; empty before it has one */
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
 * Token, channel (`-`: none), lease in milliseconds, whether a fencing token is wanted, how many may hold the lock
 * together (`x`: one alone, `0`: any number).
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
