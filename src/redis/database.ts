// One database: runs scripts on the keys under a prefix, scans, publishes and listens.
import { Budget, deadlineMs, elapsedMs, type Instant, now } from "../time/validity.js"
import { createNonce } from "../values/token.js"
import { LARGEST_LIST } from "./bounds.js"
import { lockKey, lockKeys, lockPattern, nameOf } from "./keys.js"
import { RedisError, staleReply, unexpectedReply } from "./redis-error.js"
import { type ScriptReply, splitReply } from "./replies.js"
import type { NamePage } from "./store.js"
import type { Listener, Subscription, Transport } from "./transport.js"

/** How long a reply may be delayed by messages for other waiters. A waiter that misses one will check by itself. */
const PUBLISH_MS = 500

/** A stream that takes longer than this to open is distrusted: a proxy may buffer it. */
const SLOW_STREAM_MS = 1_000
/** After as many streams in a row that failed or opened slowly, waiters poll for a while. */
const MOST_FAILED_STREAMS = 2
const WITHOUT_STREAMS_MS = 60_000

/**
 * The most streams of a manager: a holder must always find a free connection to renew its lock. A Worker has six for each
 * request that it handles, Bun 256 in all.
 */
const MOST_OWN_STREAMS = 4
const MOST_STREAMS = 100

/**
 * Upstash locks the whole database for a script unless this is its very first line; plain Redis refuses it.
 * https://upstash.com/docs/redis/features/consistency
 */
const KEY_LOCKING = "#!lua flags=allow-key-locking\n"

export class Database {
  readonly transport: Transport
  readonly prefix: string
  /** Whether it is an Upstash database, as far as we can tell. */
  readonly isUpstash: boolean
  #keyLocking: boolean
  /** The database has refused to open a stream. */
  #hasNoStreams = false
  /** Whether calls may share a stream, although each belongs to another request. */
  readonly sharesStreams = mayShareStreams()
  #openStreams = 0
  #failedStreams = 0
  #lastFailure: Instant | undefined

  /** @param keyLocking whether the database shall lock only a script's keys */
  constructor(
    transport: Transport,
    prefix: string,
    isUpstash: boolean,
    keyLocking: boolean = isUpstash,
  ) {
    this.transport = transport
    this.prefix = prefix
    this.isUpstash = isUpstash
    this.#keyLocking = keyLocking
  }

  lockKey(name: string): string {
    return lockKey(this.prefix, name)
  }

  /** Runs a script that only touches `keys`. */
  async run(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
    longest?: number,
  ): Promise<unknown> {
    const send = (head: string, ms: number) => this.#send(head, script, keys, args, ms, longest)
    if (!this.#keyLocking) return send("", timeoutMs)
    const budget = new Budget(timeoutMs)
    try {
      return await send(KEY_LOCKING, timeoutMs)
    } catch (error) {
      if (!(error instanceof RedisError && error.lacksKeyLocking)) throw error
      // The script was refused as a whole and has done nothing, so it may be sent again.
      this.#keyLocking = false
      return send("", deadlineMs(timeoutMs, budget.leftMs))
    }
  }

  /** Runs a script on one lock. */
  runOn(
    script: string,
    name: string,
    args: readonly string[],
    timeoutMs: number,
  ): Promise<unknown> {
    return this.run(script, lockKeys(this.prefix, name), args, timeoutMs)
  }

  /** Runs a script on several locks. */
  runOnAll(
    script: string,
    names: readonly string[],
    args: readonly string[],
    timeoutMs: number,
  ): Promise<unknown> {
    const keys = names.map((name) => lockKeys(this.prefix, name))
    const perLock = String(keys[0]?.length)
    return this.run(script, keys.flat(), [perLock, ...args], timeoutMs, LARGEST_LIST)
  }

  /** Some of the names of the locks that are held. */
  async scan(cursor: string, count: number, timeoutMs: number): Promise<NamePage> {
    const pattern = lockPattern(this.prefix)
    const { next, keys } = await this.transport.scan(cursor, pattern, count, timeoutMs)
    return { next, names: keys.flatMap((key) => nameOf(this.prefix, key) ?? []) }
  }

  /**
   * Runs a script that may hand the lock on, and publishes the messages that the script itself could not.
   *
   * @param length the number of elements in the script's own part of the reply
   */
  runHandingOn(
    script: string,
    name: string,
    args: readonly string[],
    length: number,
    timeoutMs: number,
  ): Promise<ScriptReply["answer"]> {
    return this.runPublishing(script, lockKeys(this.prefix, name), args, length, timeoutMs)
  }

  /** The same, on any keys. */
  async runPublishing(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    length: number,
    timeoutMs: number,
  ): Promise<ScriptReply["answer"]> {
    const budget = new Budget(timeoutMs)
    const reply = await this.run(script, keys, args, timeoutMs)
    const { answer, unsent } = splitReply(reply, length)
    const leftMs = deadlineMs(Math.min(PUBLISH_MS, timeoutMs), budget.leftMs)
    await Promise.all(unsent.map(([channel, message]) => this.#publish(channel, message, leftMs)))
    return answer
  }

  /**
   * False while too many streams are open, once the database has refused to open one, and for a while after several
   * failed.
   */
  get canListen(): boolean {
    if (this.#hasNoStreams || this.#isFull) return false
    if (this.#failedStreams < MOST_FAILED_STREAMS || !this.#lastFailure) return true
    return elapsedMs(this.#lastFailure) > WITHOUT_STREAMS_MS
  }

  get #isFull(): boolean {
    return this.#openStreams >= (this.sharesStreams ? MOST_STREAMS : MOST_OWN_STREAMS)
  }

  /** Opens a stream of the channel's messages; resolves when no later message can be missed. */
  async listen(channel: string, listener: Listener, timeoutMs: number): Promise<Subscription> {
    if (this.#isFull) throw new RedisError("too many streams are open", { outcome: "unknown" })
    this.#openStreams++
    let isCounted = true
    const uncount = () => {
      if (isCounted) this.#openStreams--
      isCounted = false
    }
    const onMessage = (message: string) => {
      listener.onMessage(message)
    }
    const onEnd = () => {
      uncount()
      listener.onEnd()
    }
    const sentAt = now()
    try {
      const stream = await this.transport.subscribe(channel, { onMessage, onEnd }, timeoutMs)
      if (elapsedMs(sentAt) > SLOW_STREAM_MS) this.distrustStreams()
      else this.#failedStreams = 0
      const close = () => {
        uncount()
        stream.close()
      }
      return { close }
    } catch (error) {
      uncount()
      // A server without streams will refuse the next caller, too.
      if (error instanceof RedisError && !error.isTransient) this.#hasNoStreams = true
      this.distrustStreams()
      throw error
    }
  }

  /** A stream failed, opened slowly, or missed a message. */
  distrustStreams(): void {
    this.#failedStreams++
    this.#lastFailure = now()
  }

  /** @throws `RedisError` of unknown outcome if the reply belongs to another request. */
  async #send(
    head: string,
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
    longest?: number,
  ): Promise<unknown> {
    const nonce = createNonce()
    const text = head + echoing(script)
    const reply = await this.transport.evaluate(text, keys, [...args, nonce], timeoutMs, longest)
    if (!Array.isArray(reply) || reply.length !== 2) throw unexpectedReply()
    const [echo, own] = reply as unknown[]
    if (echo !== nonce) throw staleReply()
    return own
  }

  async #publish(channel: string, message: string, timeoutMs: number): Promise<void> {
    try {
      await this.transport.publish(channel, message, timeoutMs)
    } catch {
      // A lost message only delays its waiter until its next check.
    }
  }
}

/** Wraps a script so that it repeats its last argument, the nonce: its reply is `{nonce, its own reply}`. */
export function echoing(script: string): string {
  return `local function run()\n${script}end\nreturn {ARGV[#ARGV], run()}`
}

/**
 * Whether one request may use a connection that another one has opened: in Node, Deno and Bun. On Workers that is an error,
 * and on other edge runtimes it is not known.
 */
function mayShareStreams(): boolean {
  const { process, Deno, WebSocketPair, EdgeRuntime } = globalThis as Record<string, unknown>
  const { versions } = (process ?? {}) as { versions?: { node?: unknown } }
  // Workers imitate Node's `process`.
  return !WebSocketPair && !EdgeRuntime && Boolean(Deno ?? versions?.node)
}
