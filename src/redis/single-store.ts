// Locks on one database: the script that each operation sends, and how its reply is read.
import type { ReleaseResult } from "../events.js"
import * as scripts from "./lua/scripts.js"
import { now, Validity } from "../time/validity.js"
import type { Database } from "./database.js"
import { claimKeys } from "./keys.js"
import { acquire, SingleQueue } from "./queue.js"
import { unexpectedReply } from "./redis-error.js"
import {
  readClaimed,
  readReleased,
  readExtended,
  readHeld,
  readInteger,
  readSnapshots,
  readStolen,
  RELEASE_LENGTH,
  STEAL_LENGTH,
} from "./replies.js"
import type {
  Busy,
  Claim,
  ReleaseRequest,
  ExtendRequest,
  Grant,
  Held,
  LockSnapshot,
  LockStore,
  NamePage,
  SingleDatabase,
  LockRequest,
} from "./store.js"

export class SingleStore implements LockStore, SingleDatabase {
  readonly queue: SingleQueue
  readonly single = this
  readonly database: Database
  /** Whether the database has DELEX, as far as is known: it is billed as one command, and replaces two. */
  #hasDelex: boolean

  constructor(database: Database) {
    this.queue = new SingleQueue(database)
    this.database = database
    this.#hasDelex = database.isUpstash
  }

  tryAcquire(request: LockRequest, timeoutMs: number): Promise<Grant | Busy> {
    return request.limit === undefined && this.queue.mayClaim(request)
      ? this.#claim(request, timeoutMs)
      : this.#tryInOrder(request, timeoutMs)
  }

  async #claim(request: LockRequest, timeoutMs: number): Promise<Grant | Busy> {
    const { name, token, ttlMs } = request
    const sentAt = now()
    const keys = claimKeys(this.database.prefix, name)
    const reply = await this.database.run(scripts.claim, keys, [token, String(ttlMs)], timeoutMs)
    return readClaimed(reply, sentAt, request)
  }

  /** For fencing tokens and shared holds, and to respect the waiters' turns. */
  async #tryInOrder(request: LockRequest, timeoutMs: number): Promise<Grant | Busy> {
    const waiter = { ...request, address: undefined, leaseMs: request.ttlMs }
    const outcome = await acquire(this.database, waiter, "try", "", timeoutMs)
    if (outcome.kind === "queued") throw unexpectedReply()
    if (outcome.kind !== "granted") return outcome
    return { ...outcome, isLease: false, isUncontended: request.limit === undefined }
  }

  async steal(request: LockRequest, found: string, timeoutMs: number): Promise<Grant | Held> {
    const { name, token, ttlMs, fencing } = request
    const sentAt = now()
    const args = [token, String(ttlMs), found, fencing ? "1" : "0"]
    const reply = await this.database.runHandingOn(
      scripts.steal,
      name,
      args,
      STEAL_LENGTH,
      timeoutMs,
    )
    return readStolen(reply, sentAt, request)
  }

  scan(cursor: string, count: number, timeoutMs: number): Promise<NamePage> {
    return this.database.scan(cursor, count, timeoutMs)
  }

  async snapshot(
    names: readonly string[],
    most: number,
    timeoutMs: number,
  ): Promise<LockSnapshot[]> {
    const reply = await this.database.runOnAll(scripts.snapshot, names, [String(most)], timeoutMs)
    return readSnapshots(reply, names.length)
  }

  async inspect(
    name: string,
    timeoutMs: number,
  ): Promise<{ leftMs: number | undefined; waiting: number }> {
    const reply = await this.database.runOn(scripts.inspect, name, [], timeoutMs)
    if (!Array.isArray(reply)) throw unexpectedReply()
    const [left, waiting] = reply as unknown[]
    const ms = readInteger(left)
    const leftMs = ms === -2 ? undefined : ms < 0 ? Infinity : ms
    return { leftMs, waiting: Math.max(0, readInteger(waiting)) }
  }

  async readHold({ name, token }: Claim, timeoutMs: number): Promise<Validity | "taken" | "gone"> {
    const sentAt = now()
    const reply = await this.database.runOn(scripts.readHold, name, [token], timeoutMs)
    const { kind, leftMs } = readHeld(reply)
    return kind === "held" ? Validity.ofTtl(sentAt, leftMs) : kind
  }

  async extend(
    { name, token, ttlMs }: ExtendRequest,
    timeoutMs: number,
  ): Promise<Validity | "taken" | "gone" | "stolen"> {
    const sentAt = now()
    const args = [token, String(ttlMs)]
    const reply = await this.database.runOn(scripts.extend, name, args, timeoutMs)
    return readExtended(reply, sentAt, ttlMs)
  }

  async release(
    { name, token, isUncontended = false }: ReleaseRequest,
    timeoutMs: number,
  ): Promise<ReleaseResult> {
    const args = [token, "", isUncontended && this.#hasDelex ? "1" : "0"]
    const reply = await this.database.runHandingOn(
      scripts.release,
      name,
      args,
      RELEASE_LENGTH,
      timeoutMs,
    )
    const [result, lacks] = reply
    if (readInteger(lacks) === 1) this.#hasDelex = false
    return readReleased(result)
  }
}
