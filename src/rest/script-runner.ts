// Runs scripts on one database: with a proof that the reply is fresh, and with or without the line that spares Upstash a
// database-wide lock.
import { elapsedMs, now } from "../validity.js"
import { createNonce, echoing, readFresh } from "./freshness.js"
import { RestError } from "./rest-error.js"
import type { Transport } from "./transport.js"

/**
 * Upstash locks the whole database for a script unless this is its very first line; plain Redis refuses it.
 * https://upstash.com/docs/redis/features/consistency
 */
const KEY_LOCKING = "#!lua flags=allow-key-locking\n"

export class ScriptRunner {
  readonly #transport: Transport
  #keyLocking: boolean

  constructor(transport: Transport, keyLocking: boolean) {
    this.#transport = transport
    this.#keyLocking = keyLocking
  }

  /** Runs a script that touches no key but `keys`. */
  async run(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
  ): Promise<unknown> {
    if (!this.#keyLocking) return this.#send("", script, keys, args, timeoutMs)
    const sentAt = now()
    try {
      return await this.#send(KEY_LOCKING, script, keys, args, timeoutMs)
    } catch (error) {
      if (!isUnknownFlag(error)) throw error
      // A script that was refused whole has done nothing, so it may be sent again.
      this.#keyLocking = false
      return this.#send("", script, keys, args, Math.max(1, timeoutMs - elapsedMs(sentAt)))
    }
  }

  async #send(
    head: string,
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
  ): Promise<unknown> {
    const nonce = createNonce()
    const text = head + echoing(script)
    return readFresh(await this.#transport.evaluate(text, keys, [...args, nonce], timeoutMs), nonce)
  }
}

function isUnknownFlag(error: unknown): boolean {
  return error instanceof RestError && /unexpected flag in script shebang/i.test(error.message)
}
