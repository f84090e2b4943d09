// One subscribing connection for all streams, opened for the first. A channel is unsubscribed with its last listener.
import { EngineUnavailableError, type Listener, type Topic } from "./engine.js"
import type { RedisConnection } from "./redis-connection.js"

interface Channel {
  readonly listeners: Set<Listener>
  readonly subscribed: Promise<unknown>
}

export class RedisSubscriptions {
  readonly #open: () => Promise<RedisConnection>
  readonly #channels = new Map<string, Channel>()
  #connection: Promise<RedisConnection> | undefined

  constructor(open: () => Promise<RedisConnection>) {
    this.#open = open
  }

  /** @throws EngineUnavailableError */
  async subscribe(topic: Topic, listener: Listener): Promise<() => void> {
    const id = idOf(topic)
    const channel = this.#channels.get(id) ?? this.#join(topic)
    channel.listeners.add(listener)
    const stop = () => {
      this.#leave(topic, channel, listener)
    }
    try {
      await channel.subscribed
    } catch (error) {
      stop()
      if (error instanceof EngineUnavailableError) throw error
      throw new EngineUnavailableError("lost the connection to Redis", { cause: error })
    }
    return stop
  }

  async close(): Promise<void> {
    const connection = this.#connection
    this.#end()
    // A connection that could not be opened need not be closed.
    await connection?.then(
      (c) => {
        c.close()
      },
      () => undefined,
    )
  }

  #join(topic: Topic): Channel {
    this.#connection ??= this.#connect()
    const subscribed = this.#connection.then(({ redis }) =>
      topic.kind === "channel" ? redis.subscribe(topic.name) : redis.psubscribe(topic.name),
    )
    const channel: Channel = { listeners: new Set(), subscribed }
    this.#channels.set(idOf(topic), channel)
    return channel
  }

  #leave(topic: Topic, channel: Channel, listener: Listener): void {
    channel.listeners.delete(listener)
    if (channel.listeners.size > 0 || this.#channels.get(idOf(topic)) !== channel) return
    this.#channels.delete(idOf(topic))
    this.#connection
      ?.then(({ redis }) =>
        topic.kind === "channel" ? redis.unsubscribe(topic.name) : redis.punsubscribe(topic.name),
      )
      // A lost connection has no subscriptions.
      .catch(() => undefined)
  }

  async #connect(): Promise<RedisConnection> {
    try {
      const connection = await this.#open()
      const { redis } = connection
      redis.on("messageBuffer", (channel: Buffer, payload: Buffer) => {
        this.#deliver(`channel ${channel.toString()}`, channel, payload)
      })
      redis.on("pmessageBuffer", (pattern: Buffer | string, channel: Buffer, payload: Buffer) => {
        this.#deliver(`pattern ${pattern.toString()}`, channel, payload)
      })
      redis.on("close", () => {
        this.#end()
      })
      return connection
    } catch (error) {
      this.#end()
      throw error
    }
  }

  #deliver(id: string, channel: Buffer, payload: Buffer): void {
    for (const listener of this.#channels.get(id)?.listeners ?? []) {
      listener.onMessage(channel, payload)
    }
  }

  /** Ends every stream: messages published meanwhile are lost, and each listener must know. */
  #end(): void {
    const channels = [...this.#channels.values()]
    this.#channels.clear()
    this.#connection = undefined
    for (const { listeners } of channels) for (const listener of listeners) listener.onEnd()
  }
}

function idOf(topic: Topic): string {
  return `${topic.kind} ${topic.name}`
}
