// Where the messages of waiters arrive: one stream for all waiters of a manager, or a stream for each.
import { backgroundTimer, elapsedMs, type Instant, now } from "../time/validity.js"
import type { Mailbox } from "./store.js"
import type { Listener, Subscription } from "./transport.js"

/** The database whose streams they are. */
export interface StreamSource {
  /** Opens the stream of a channel; resolves when no later message can be missed. */
  listen(channel: string, listener: Listener, timeoutMs: number): Promise<Subscription>
  /** A stream has missed a message. */
  distrustStreams(): void
}

/**
 * How long a shared stream stays open without waiters. Callers that come again and again then find it open; a program that
 * ends waits for it.
 */
const LINGER_MS = 250

/** The streams of a manager. */
export class Mailboxes {
  readonly #source: StreamSource
  #shared: SharedStream | undefined

  constructor(source: StreamSource) {
    this.#source = source
  }

  /** Whether the shared stream is open. */
  get isOpen(): boolean {
    return this.#shared?.isOpen ?? false
  }

  /** @param address "channel", or "channel.waiter" on a channel that all waiters share */
  join(address: string, listener: Listener): Mailbox {
    const [channel, waiter] = address.split(".") as [string, string | undefined]
    if (waiter === undefined) return this.#joinAlone(channel, listener)
    return (this.#shared ??= new SharedStream(this.#source, channel)).join(waiter, listener)
  }

  #joinAlone(channel: string, listener: Listener): Mailbox {
    let isClosed = false
    let stream: Subscription | undefined
    const close = () => {
      isClosed = true
      stream?.close()
    }
    return {
      isOpen: false,
      open: async (timeoutMs, onRequest) => {
        onRequest()
        stream = await this.#source.listen(channel, listener, timeoutMs)
        // After an abort it may still open.
        if (isClosed) stream.close()
      },
      close,
      distrust: () => {
        this.#source.distrustStreams()
        close()
      },
    }
  }
}

/**
 * One stream for all waiters of a manager: each message begins with the number of its waiter. Only where requests may share
 * a connection: not on Workers, where it belongs to the request that opened it.
 */
class SharedStream {
  readonly #source: StreamSource
  readonly #channel: string
  readonly #waiters = new Map<string, Listener>()
  #opening: Promise<void> | undefined
  #stream: Subscription | undefined
  #idleSince: Instant | undefined
  #linger: ReturnType<typeof setTimeout> | undefined

  constructor(source: StreamSource, channel: string) {
    this.#source = source
    this.#channel = channel
  }

  get isOpen(): boolean {
    return this.#stream !== undefined
  }

  join(waiter: string, listener: Listener): Mailbox {
    clearTimeout(this.#linger)
    // A process that was frozen meanwhile does not notice that its connection is gone.
    if (this.#idleSince && elapsedMs(this.#idleSince) > 2 * LINGER_MS) this.#close()
    this.#idleSince = undefined
    this.#waiters.set(waiter, listener)
    return {
      isOpen: this.isOpen,
      open: (timeoutMs, onRequest) => {
        if (!this.#opening) onRequest()
        return (this.#opening ??= this.#open(timeoutMs))
      },
      close: () => {
        this.#waiters.delete(waiter)
        this.#closeIfIdle()
      },
      distrust: () => {
        this.#source.distrustStreams()
        this.#waiters.delete(waiter)
        // It may be opening again because of another waiter.
        if (this.#stream) this.#end()
      },
    }
  }

  async #open(timeoutMs: number): Promise<void> {
    let hasEnded = false as boolean
    const listener = {
      onMessage: (message: string) => {
        const end = message.indexOf(" ")
        // A message to a waiter that has left is a late one.
        this.#waiters.get(message.slice(0, end))?.onMessage(message.slice(end + 1))
      },
      onEnd: () => {
        hasEnded = true
        this.#end()
      },
    }
    try {
      const stream = await this.#source.listen(this.#channel, listener, timeoutMs)
      if (!hasEnded) this.#stream = stream
    } catch (error) {
      this.#opening = undefined
      throw error
    }
    this.#closeIfIdle()
  }

  #closeIfIdle(): void {
    if (this.#waiters.size > 0 || !this.#stream) return
    clearTimeout(this.#linger)
    this.#idleSince = now()
    // A waiter that joins stops it.
    this.#linger = backgroundTimer(() => {
      this.#close()
    }, LINGER_MS)
  }

  #close(): void {
    this.#stream?.close()
    this.#stream = this.#opening = undefined
  }

  #end(): void {
    this.#close()
    for (const waiter of [...this.#waiters.values()]) waiter.onEnd()
  }
}
