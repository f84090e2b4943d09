// Locks on one database: what each operation sends, and how its reply is read.
import type { ReleaseResult } from "../events.js"
import * as scripts from "../lua/scripts.js"
import { unexpectedReply } from "../rest/rest-error.js"
import { ScriptRunner } from "../rest/script-runner.js"
import type { Transport } from "../rest/transport.js"
import { type Instant, now, Validity } from "../validity.js"
import { fenceKey, lockKey } from "./keys.js"
import type { Busy, Claim, Grant, LockStore, TakeRequest } from "./store.js"

export class SingleStore implements LockStore {
  readonly mayResend: boolean
  readonly #transport: Transport
  readonly #scripts: ScriptRunner
  readonly #prefix: string

  /** @param keyLocking whether the database is to lock no more than a script's keys */
  constructor(transport: Transport, prefix: string, keyLocking: boolean) {
    this.mayResend = transport.mayResend
    this.#transport = transport
    this.#scripts = new ScriptRunner(transport, keyLocking)
    this.#prefix = prefix
  }

  async take(request: TakeRequest, timeoutMs: number): Promise<Grant | Busy> {
    if (request.fencing) return this.retake(request, timeoutMs)
    const sentAt = now()
    const key = lockKey(this.#prefix, request.name)
    const taken = await this.#transport.setIfAbsent(key, request.token, request.ttlMs, timeoutMs)
    if (!taken) return { kind: "busy", holderTtlMs: undefined }
    const validity = Validity.ofTtl(sentAt, request.ttlMs)
    return { kind: "granted", validity, fencingToken: undefined }
  }

  async retake(request: TakeRequest, timeoutMs: number): Promise<Grant | Busy> {
    const sentAt = now()
    const keys = [lockKey(this.#prefix, request.name)]
    if (request.fencing) keys.push(fenceKey(this.#prefix, request.name))
    const args = [request.token, String(request.ttlMs)]
    const reply = await this.#scripts.run(scripts.acquire, keys, args, timeoutMs)
    return readTaken(reply, sentAt, request.fencing)
  }

  async look(claim: Claim, timeoutMs: number): Promise<Validity | "taken" | "gone"> {
    const sentAt = now()
    const reply = await this.#run(scripts.look, claim, [], timeoutMs)
    if (!Array.isArray(reply)) throw unexpectedReply()
    const [kind, ms] = reply as unknown[]
    if (kind === "taken" || kind === "gone") return kind
    if (kind !== "held") throw unexpectedReply()
    return Validity.ofTtl(sentAt, readInteger(ms))
  }

  async extend(
    claim: Claim,
    ttlMs: number,
    timeoutMs: number,
  ): Promise<Validity | "taken" | "gone"> {
    const sentAt = now()
    const reply = await this.#run(scripts.extend, claim, [String(ttlMs)], timeoutMs)
    if (reply === "taken" || reply === "gone") return reply
    if (reply !== "renewed") throw unexpectedReply()
    return Validity.ofTtl(sentAt, ttlMs)
  }

  async release(claim: Claim, timeoutMs: number): Promise<ReleaseResult> {
    const reply = await this.#run(scripts.release, claim, [], timeoutMs)
    if (reply !== "released" && reply !== "taken" && reply !== "gone") throw unexpectedReply()
    return reply
  }

  #run(script: string, claim: Claim, args: readonly string[], timeoutMs: number): Promise<unknown> {
    const keys = [lockKey(this.#prefix, claim.name)]
    return this.#scripts.run(script, keys, [claim.token, ...args], timeoutMs)
  }
}

function readTaken(reply: unknown, sentAt: Instant, fencing: boolean): Grant | Busy {
  if (!Array.isArray(reply) || reply.length !== 3) throw unexpectedReply()
  const [kind, ms, fence] = reply as unknown[]
  const left = readInteger(ms)
  if (kind === "busy") return { kind, holderTtlMs: left === -1 ? Infinity : Math.max(0, left) }
  if (kind !== "granted") throw unexpectedReply()
  const fencingToken = fencing ? readInteger(fence) : undefined
  return { kind, validity: Validity.ofTtl(sentAt, left), fencingToken }
}

/** An integer, which clients that parse replies may have made of text, or left as text. */
function readInteger(value: unknown): number {
  const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value
  if (typeof number !== "number" || !Number.isSafeInteger(number)) throw unexpectedReply()
  return number
}
