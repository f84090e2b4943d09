// The queue of a lock on one database: the requests of a waiter, and the messages that it receives.
import * as scripts from "./lua/scripts.js"
import { now } from "../time/validity.js"
import { createChannel } from "../values/token.js"
import type { Database } from "./database.js"
import { unexpectedReply } from "./redis-error.js"
import { ACQUIRE_LENGTH, readAcquired, readHeld, readNotice, RELEASE_LENGTH } from "./replies.js"
import type {
  Busy,
  Grant,
  Hearing,
  LockQueue,
  LockRequest,
  Mailbox,
  Notice,
  Queued,
  Waiter,
} from "./store.js"
import { Mailboxes } from "./mailbox.js"
import type { Listener, Subscription } from "./transport.js"

/**
 * A claim does not check the queue, which would make each uncontended acquire more expensive. So a key that was freed
 * without the queue (by another program, or a `DEL`) would go to our own newcomers again and again. One claim in 16 checks
 * the queue, which grants the lock to the head: that bounds the overtaking, for 2 commands in 16 claims.
 */
const CLAIMS_PER_QUEUE_CHECK = 16

/** The longest pause of a waiter that asks, by how it would learn of its grant. */
export const LONGEST_POLL_MS: Readonly<Record<Hearing, number>> = {
  stream: 1_000,
  subscriber: 5_000,
  poll: 2_000,
}

/** For how long a waiter is granted the lock until it has shown that it is alive: it asks at least twice meanwhile. */
export function leaseMsFor(hearing: Hearing, ttlMs: number): number {
  return Math.ceil(Math.min(2 * LONGEST_POLL_MS[hearing] + 1_000, ttlMs))
}

export class SingleQueue implements LockQueue {
  readonly #database: Database
  /** The channel that all waiters share. On demand: at module scope some platforms have no random numbers. */
  #channel: string | undefined
  #waiters = 0
  #mailboxes: Mailboxes | undefined
  #claims = 0

  constructor(database: Database) {
    this.#database = database
  }

  get isListening(): boolean {
    return this.#mailboxes?.isOpen ?? false
  }

  waiter(request: LockRequest, push: boolean, channel: string | undefined): Waiter {
    const address = push && this.#database.canListen ? this.#address(channel) : undefined
    return { ...request, address, leaseMs: leaseMsFor(this.hearingAt(address), request.ttlMs) }
  }

  hearingAt(address: string | undefined): Hearing {
    if (address === undefined) return "poll"
    return this.#database.transport.noticesEnd ? "stream" : "subscriber"
  }

  #address(channel: string | undefined): string {
    if (channel !== undefined || !this.#database.sharesStreams) return channel ?? createChannel()
    return `${(this.#channel ??= createChannel())}.${++this.#waiters}`
  }

  mailbox(address: string, onNotice: (notice: Notice) => void): Mailbox {
    this.#mailboxes ??= new Mailboxes(this.#database)
    return this.#mailboxes.join(address, listenerOf(onNotice))
  }

  /** Whether a first request may take a free lock without checking the queue. */
  mayClaim({ fencing }: LockRequest): boolean {
    return !fencing && ++this.#claims % CLAIMS_PER_QUEUE_CHECK !== 0
  }

  async enqueue(waiter: Waiter, ticket = "", timeoutMs: number): Promise<Grant | Queued> {
    const isNew = ticket === ""
    const action = isNew && this.mayClaim(waiter) ? "claim" : "enqueue"
    const outcome = await acquire(this.#database, waiter, action, ticket, timeoutMs)
    // After an enqueue, the waiter is in the queue.
    if (outcome.kind === "busy") throw unexpectedReply()
    if (outcome.kind === "queued" || !isNew) return outcome
    // A retry may find that it was granted the lock before: by hand-off, if that was for no longer than its lease.
    const isLease = outcome.isLease && outcome.validity.remainingMs <= waiter.leaseMs
    return { ...outcome, isLease, isUncontended: waiter.limit === undefined }
  }

  async look({ name, token }: Waiter, timeoutMs: number): Promise<number | undefined> {
    const reply = await this.#database.runOn(scripts.readHold, name, [token], timeoutMs)
    const { kind, leftMs } = readHeld(reply)
    if (kind === "held") return undefined
    return leftMs === -1 ? Infinity : Math.max(0, leftMs)
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
    return this.#database.listen(channel, listenerOf(onNotice), timeoutMs)
  }
}

function listenerOf(onNotice: (notice: Notice) => void): Listener {
  return {
    onMessage(message) {
      // It was sent to this waiter alone; after a garbled message the waiter polls.
      onNotice(readNotice(message) ?? { kind: "end" })
    },
    onEnd() {
      onNotice({ kind: "end" })
    },
  }
}

/** @param ticket the waiter's ticket; empty before it has one */
export async function acquire(
  database: Database,
  waiter: Waiter,
  action: "try" | "claim" | "enqueue" | "check",
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
 * Token, address (`-`: none), lease in milliseconds, whether a fencing token is requested, how many may share the lock
 * (`x`: exclusive, `0`: unlimited).
 */
export function waiterEntry({
  token,
  address = "-",
  leaseMs,
  fencing,
  limit,
}: Pick<Waiter, "token" | "address" | "leaseMs" | "fencing" | "limit">): string {
  const mode = limit === undefined ? "x" : limit === Infinity ? 0 : limit
  return `${token} ${address} ${leaseMs} ${fencing ? 1 : 0} ${mode}`
}
