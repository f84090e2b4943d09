// Locks on one database: what each operation sends, and how its reply is read.
import * as scripts from "../lua/scripts.js"
import { unexpectedReply } from "../rest/rest-error.js"
import { now, Validity } from "../validity.js"
import { acquire } from "./acquire.js"
import { CompareAndSet } from "./compare-and-set.js"
import type { Database } from "./database.js"
import { SingleQueue } from "./queue.js"
import { readInteger, readSnapshots, readStolen } from "./replies.js"
import type {
  Busy,
  Claim,
  Extension,
  Grant,
  Held,
  LockQueue,
  LockSnapshot,
  LockStore,
  NamePage,
  PlainHolds,
  ReleaseResult,
  SingleDatabase,
  TakeRequest,
} from "./store.js"

export class SingleStore implements LockStore, SingleDatabase {
  readonly mayResend: boolean
  readonly queue: LockQueue
  readonly plain: PlainHolds | undefined
  readonly single = this
  readonly database: Database

  /** @param compareAndSet whether the database compares and changes in one command */
  constructor(database: Database, compareAndSet: boolean) {
    this.mayResend = database.transport.mayResend
    this.plain = compareAndSet ? new CompareAndSet(database) : undefined
    this.queue = new SingleQueue(database)
    this.database = database
  }

  async take(request: TakeRequest, timeoutMs: number): Promise<Grant | Busy> {
    if (request.fencing || request.limit !== undefined) return this.retake(request, timeoutMs)
    const { token, ttlMs } = request
    const sentAt = now()
    const key = this.database.lockKey(request.name)
    const taken = await this.database.transport.setIfAbsent(key, token, ttlMs, timeoutMs)
    if (!taken) return { kind: "busy", holderTtlMs: undefined }
    const validity = Validity.ofTtl(sentAt, ttlMs)
    return { kind: "granted", validity, fencingToken: undefined, isLease: false, isPlain: true }
  }

  async retake(request: TakeRequest, timeoutMs: number): Promise<Grant | Busy> {
    const passerBy = { ...request, channel: undefined, leaseMs: request.ttlMs }
    const outcome = await acquire(this.database, passerBy, "try", "", timeoutMs)
    if (outcome.kind === "queued") throw unexpectedReply()
    if (outcome.kind !== "granted") return outcome
    return { ...outcome, isLease: false, isPlain: request.limit === undefined }
  }

  async steal(request: TakeRequest, found: string, timeoutMs: number): Promise<Grant | Held> {
    const { name, token, ttlMs, fencing } = request
    const sentAt = now()
    const args = [token, String(ttlMs), found, fencing ? "1" : "0"]
    const reply = await this.database.runOn(scripts.steal, name, args, timeoutMs)
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

  async look({ name, token }: Claim, timeoutMs: number): Promise<Validity | "taken" | "gone"> {
    const sentAt = now()
    const reply = await this.database.runOn(scripts.look, name, [token], timeoutMs)
    if (!Array.isArray(reply)) throw unexpectedReply()
    const [kind, ms] = reply as unknown[]
    if (kind === "taken" || kind === "gone") return kind
    if (kind !== "held") throw unexpectedReply()
    return Validity.ofTtl(sentAt, readInteger(ms))
  }

  async extend(
    { name, token, ttlMs, mayBeShortened }: Extension,
    timeoutMs: number,
  ): Promise<Validity | "taken" | "gone" | "stolen"> {
    const sentAt = now()
    const args = [token, String(ttlMs), mayBeShortened ? "1" : "0"]
    const reply = await this.database.runOn(scripts.extend, name, args, timeoutMs)
    if (reply === "taken" || reply === "gone" || reply === "stolen") return reply
    if (reply !== "renewed") throw unexpectedReply()
    return Validity.ofTtl(sentAt, ttlMs)
  }

  async release({ name, token }: Claim, timeoutMs: number): Promise<ReleaseResult> {
    const args = [token, ""]
    const [result] = await this.database.runHandingOn(scripts.release, name, args, 1, timeoutMs)
    if (result !== "released" && result !== "taken" && result !== "gone") throw unexpectedReply()
    return result
  }
}
