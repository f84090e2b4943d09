// One command instead of a script, where the database compares and changes in one: for a hold that nobody waits for.
import { RestError, unexpectedReply } from "../rest/rest-error.js"
import { now, Validity } from "../validity.js"
import type { Database } from "./database.js"
import type { Claim, PlainHolds } from "./store.js"

/**
 * `SET … IFEQ` and `DELEX … IFEQ`, which Upstash has, and Redis from 8.4 on. A script is billed as one command and one
 * for each call inside it; these are billed as one.
 */
export class CompareAndSet implements PlainHolds {
  readonly #database: Database
  #isAvailable = true

  constructor(database: Database) {
    this.#database = database
  }

  get isAvailable(): boolean {
    return this.#isAvailable
  }

  async extend(
    { name, token }: Claim,
    ttlMs: number,
    timeoutMs: number,
  ): Promise<Validity | undefined> {
    const key = this.#database.lockKey(name)
    const sentAt = now()
    const reply = await this.#send(
      key,
      ["SET", key, token, "IFEQ", token, "PX", String(ttlMs)],
      timeoutMs,
    )
    if (reply === "OK") return Validity.ofTtl(sentAt, ttlMs)
    if (reply !== null && reply !== undefined) throw unexpectedReply()
    return undefined
  }

  async release({ name, token }: Claim, timeoutMs: number): Promise<boolean> {
    const key = this.#database.lockKey(name)
    const reply = await this.#send(key, ["DELEX", key, "IFEQ", token], timeoutMs)
    if (reply !== 0 && reply !== 1 && reply !== undefined) throw unexpectedReply()
    return reply === 1
  }

  /** The reply; undefined where there is no such command, which is remembered. */
  async #send(key: string, command: readonly string[], timeoutMs: number): Promise<unknown> {
    try {
      return await this.#database.transport.send(key, command, timeoutMs)
    } catch (error) {
      if (!isUnknownCommand(error)) throw error
      this.#isAvailable = false
      return undefined
    }
  }
}

/** Whether the database has no such command or option, or lets us use none. Any other refusal would be that of the script, too. */
function isUnknownCommand(error: unknown): boolean {
  if (!(error instanceof RestError) || error.outcome !== "refused") return false
  return /command|syntax/i.test(error.message)
}
