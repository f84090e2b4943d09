// The other transport: a client of @upstash/redis that the user passes in, with its own settings.
import { withDeadline } from "./bounds.js"
import { isControlFlow, RedisError } from "./redis-error.js"
import { readRefusal } from "./refusal.js"
import { readScanPage } from "./replies.js"
import { openSubscription } from "./subscription.js"
import type { Listener, ScanPage, Subscription, Transport } from "./transport.js"

/** The part of an `@upstash/redis` client that is used. A shape, not the class: its versions are incompatible types. */
export interface UpstashRedis {
  /** Runs a script: all that a lock does. */
  eval(script: string, keys: string[], args: string[]): Promise<unknown>
  /** Notifies waiters where a script may not publish. */
  publish?(channel: string, message: string): Promise<unknown>
  /** For `query()` without a name. */
  scan?(cursor: string, options: { match: string; count: number }): Promise<unknown>
  /** Opens the stream of a waiter; without it, waiters poll. */
  subscribe?(channel: string): { unsubscribe(): Promise<unknown> }
}

/** The part of its Subscriber that is used here. The declared type of `on` refers to types that are not exported. */
interface Subscriber {
  on(event: "subscribe", listener: () => void): void
  on(event: "message", listener: (event: { channel?: unknown; message: unknown }) => void): void
  on(event: "error", listener: (error: Error) => void): void
  unsubscribe(): Promise<unknown>
}

export function isUpstashRedis(value: object): value is UpstashRedis {
  return "eval" in value && typeof value.eval === "function"
}

export class UpstashRedisClient implements Transport {
  /** Its Subscriber reports nothing when its stream ends. */
  readonly noticesEnd = false
  readonly #redis: UpstashRedis

  constructor(redis: UpstashRedis) {
    this.#redis = redis
  }

  evaluate(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
  ): Promise<unknown> {
    return this.#send(timeoutMs, () => this.#redis.eval(script, [...keys], [...args]))
  }

  async scan(cursor: string, pattern: string, count: number, timeoutMs: number): Promise<ScanPage> {
    const options = { match: pattern, count }
    const reply = await this.#send(timeoutMs, async () => this.#redis.scan?.(cursor, options))
    return readScanPage(reply)
  }

  publish(channel: string, message: string, timeoutMs: number): Promise<unknown> {
    return this.#send(timeoutMs, async () => this.#redis.publish?.(channel, message))
  }

  async subscribe(channel: string, listener: Listener, timeoutMs: number): Promise<Subscription> {
    let subscriber: Subscriber | undefined
    try {
      subscriber = this.#redis.subscribe?.(channel) as Subscriber | undefined
    } catch (error) {
      throw toRestError(error)
    }
    if (!subscriber) throw new RedisError("the client cannot subscribe", { outcome: "refused" })
    const opened = subscriber
    return openSubscription(
      ({ onConfirmed, onMessage, onFailure }) => {
        opened.on("subscribe", onConfirmed)
        opened.on("message", ({ channel: of = channel, message }) => {
          if (of !== channel) return
          // The client parses messages, but a message to a waiter is always a text.
          onMessage(typeof message === "string" ? message : "")
        })
        opened.on("error", (error) => {
          onFailure(toRestError(error))
        })
        return () => {
          // Rejects if the stream has ended by itself.
          opened.unsubscribe().catch(() => undefined)
        }
      },
      listener,
      timeoutMs,
    )
  }

  #send(timeoutMs: number, command: () => Promise<unknown>): Promise<unknown> {
    return withDeadline(timeoutMs, async () => {
      try {
        return await command()
      } catch (error) {
        throw toRestError(error)
      }
    })
  }
}

/** The client's errors quote the whole command, so only the name and the scrubbed message are kept. */
function toRestError(error: unknown): Error {
  if (error instanceof RedisError || isControlFlow(error)) return error
  if (!(error instanceof Error)) return new RedisError("the client failed", { outcome: "unknown" })
  // The client does not report the status. Redis begins its refusals with a word in capitals, a gateway does not; in a
  // pipeline, which it makes by itself, the client puts words of its own before them.
  const text = error.message.replace(/^Command[^:]* failed: /, "")
  const isRefusal = error.name === "UpstashError" && /^[A-Z]+ /.test(text)
  const message = `${error.name}: ${error.message}`
  if (!isRefusal) return new RedisError(message, { outcome: "unknown" })
  return new RedisError(message, { outcome: "refused", refusal: readRefusal(text) })
}
