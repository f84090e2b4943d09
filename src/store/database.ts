// One database as the store uses it: its transport, its scripts, and the keys under a prefix.
import { ScriptRunner } from "../rest/script-runner.js"
import type { Transport } from "../rest/transport.js"
import { lockKey, queueKeys } from "./keys.js"
import { elapsedMs, now } from "../validity.js"
import { type ScriptReply, splitReply } from "./replies.js"

/** How long an answer may be held up by a message that somebody else waits for: who misses it will ask. */
const PUBLISH_MS = 500

export class Database {
  readonly transport: Transport
  readonly #scripts: ScriptRunner
  readonly #prefix: string

  /** @param keyLocking whether the database is to lock no more than a script's keys */
  constructor(transport: Transport, prefix: string, keyLocking: boolean) {
    this.transport = transport
    this.#scripts = new ScriptRunner(transport, keyLocking)
    this.#prefix = prefix
  }

  lockKey(name: string): string {
    return lockKey(this.#prefix, name)
  }

  /**
   * Runs a script that hands nothing on.
   *
   * @param count how many of the lock's keys it touches, in their order
   */
  run(
    script: string,
    name: string,
    args: readonly string[],
    timeoutMs: number,
    count = 1,
  ): Promise<unknown> {
    const keys = queueKeys(this.#prefix, name).slice(0, count)
    return this.#scripts.run(script, keys, args, timeoutMs)
  }

  /**
   * Runs a script that may hand the lock on, and publishes what the script itself could not.
   *
   * @param length how many elements of the reply are the script's own
   */
  async runHandingOn(
    script: string,
    name: string,
    args: readonly string[],
    length: number,
    timeoutMs: number,
  ): Promise<ScriptReply["answer"]> {
    const keys = queueKeys(this.#prefix, name)
    const sentAt = now()
    const reply = await this.#scripts.run(script, keys, args, timeoutMs)
    const { answer, unsent } = splitReply(reply, length)
    const leftMs = Math.max(1, Math.min(PUBLISH_MS, timeoutMs - elapsedMs(sentAt)))
    await Promise.all(unsent.map(([channel, message]) => this.#publish(channel, message, leftMs)))
    return answer
  }

  async #publish(channel: string, message: string, timeoutMs: number): Promise<void> {
    try {
      await this.transport.publish(channel, message, timeoutMs)
    } catch {
      // A message that is lost costs its waiter no more than the time until it asks.
    }
  }
}
