// Subscriptions: confirmed in time or failed, without events after they were closed, and one for all waiters of a process.
import { cancelOnAbort, withDeadline } from "./bounds.js"
import { backgroundTimer, elapsedMs, type Instant, now } from "../time/validity.js"
import { createChannel } from "../values/token.js"
import { RedisError } from "./redis-error.js"
import type { Listener, Subscription } from "./transport.js"

/** The events of a stream. `onFailure` may be called more than once. */
export interface StreamEvents {
  readonly onConfirmed: () => void
  readonly onMessage: (message: string) => void
  readonly onFailure: (error: Error) => void
}

/**
 * Resolves when the stream is confirmed. It rejects with an earlier failure; a later one ends the listener.
 *
 * @param start opens the stream; the function that it returns closes it
 */
export async function openSubscription(
  start: (events: StreamEvents) => () => void,
  listener: Listener,
  timeoutMs: number,
): Promise<Subscription> {
  let isOpen = true
  let stop: (() => void) | undefined
  const close = () => {
    isOpen = false
    stop?.()
  }
  const confirmed = new Promise<void>((resolve, reject) => {
    let isConfirmed = false
    stop = start({
      onConfirmed() {
        isConfirmed = true
        resolve()
      },
      onMessage(message) {
        if (isOpen) listener.onMessage(message)
      },
      onFailure(error) {
        if (!isConfirmed) reject(error)
        if (!isConfirmed || !isOpen) return
        isOpen = false
        listener.onEnd()
      },
    })
  })
  try {
    await withDeadline(timeoutMs, () => confirmed)
    return { close }
  } catch (error) {
    close()
    throw error
  }
}

/** Our frames are much shorter: a longer one is not from an event stream of ours. */
const MAX_FRAME = 16_384

/**
 * Reads until the stream ends, which always is an error: a `RedisError`, or the error of the body. Frames of another channel
 * are skipped: a message to another waiter is never a grant of ours.
 *
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export async function readEventStream(
  body: ReadableStream<Uint8Array>,
  channel: string,
  { onConfirmed, onMessage }: Pick<StreamEvents, "onConfirmed" | "onMessage">,
  signal?: AbortSignal,
): Promise<never> {
  const reader = body.getReader()
  const cancel = cancelOnAbort(reader, signal)
  const decoder = new TextDecoder()
  let rest = ""
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw new RedisError("the stream ended", { outcome: "unknown" })
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r?\n/)
      rest = lines.pop() ?? ""
      for (const line of lines) {
        // Blank lines end events, comments keep the connection alive, other fields have no meaning here.
        if (!line.startsWith("data:")) continue
        const [, kind, of, payload = ""] =
          /^data: ?(subscribe|message),([^,]*),(.*)$/.exec(line) ?? []
        if (kind === undefined) throw garbled()
        if (of !== channel) continue
        if (kind === "subscribe") onConfirmed()
        else onMessage(payload)
      }
      if (rest.length > MAX_FRAME) throw garbled()
    }
  } finally {
    cancel()
  }
}

function garbled(): RedisError {
  return new RedisError("the stream is garbled", { outcome: "unknown" })
}

/** Opens the stream of a channel; resolves when no later message can be missed. */
export type Listen = (
  channel: string,
  listener: Listener,
  timeoutMs: number,
) => Promise<Subscription>

/** The place to which a waiter's messages are sent. */
export interface Mailbox {
  /** The address of its messages, known before the stream is open. */
  readonly address: string
  /** Whether the stream is open, so that no message can be missed. */
  readonly isOpen: boolean
  /** Whether opening it costs a request. */
  readonly needsRequest: boolean
  /** Opens the stream; resolves when no later message can be missed. */
  open(timeoutMs: number): Promise<void>
  /** The listener is not called afterwards. */
  close(): void
}

/** A Worker has six connections for each request it handles, and a holder must always find a free one. */
const MOST_OWN_STREAMS = 4

/** A stream for each waiter, as long as there are few. */
export class OwnStreams {
  readonly #listen: Listen
  #count = 0

  constructor(listen: Listen) {
    this.#listen = listen
  }

  /** Undefined if there are too many. */
  join(listener: Listener, channel: string): Mailbox | undefined {
    if (this.#count >= MOST_OWN_STREAMS) return undefined
    this.#count++
    let isClosed = false
    let stream: Subscription | undefined
    return {
      address: channel,
      isOpen: false,
      needsRequest: true,
      open: async (timeoutMs) => {
        stream = await this.#listen(channel, listener, timeoutMs)
        // After an abort it may still open.
        if (isClosed) stream.close()
      },
      close: () => {
        if (!isClosed) this.#count--
        isClosed = true
        stream?.close()
      },
    }
  }
}

/**
 * How long the stream stays open without waiters. Callers that come again and again then find it open; a program that ends
 * waits for it.
 */
const LINGER_MS = 250

/**
 * One stream for all waiters of a manager: each message begins with the number of its waiter. Only where requests may share
 * a connection: not on Workers, where it belongs to the request that opened it.
 */
export class SharedStream {
  readonly #listen: Listen
  readonly #waiters = new Map<string, Listener>()
  #channel: string | undefined
  #last = 0
  #opening: Promise<void> | undefined
  #stream: Subscription | undefined
  #idleSince: Instant | undefined
  #linger: ReturnType<typeof setTimeout> | undefined

  constructor(listen: Listen) {
    this.#listen = listen
  }

  join(listener: Listener): Mailbox {
    const waiter = String(++this.#last)
    clearTimeout(this.#linger)
    // A process that was frozen meanwhile does not notice that its connection is gone.
    if (this.#idleSince && elapsedMs(this.#idleSince) > 2 * LINGER_MS) this.#close()
    this.#idleSince = undefined
    this.#waiters.set(waiter, listener)
    const isOpen = () => this.#stream !== undefined && this.#waiters.has(waiter)
    const needsRequest = () => this.#opening === undefined
    return {
      // On demand: at module scope some platforms have no random numbers.
      address: `${(this.#channel ??= createChannel())}.${waiter}`,
      get isOpen() {
        return isOpen()
      },
      get needsRequest() {
        return needsRequest()
      },
      open: (timeoutMs) => {
        this.#waiters.set(waiter, listener)
        return (this.#opening ??= this.#open(this.#channel!, timeoutMs))
      },
      close: () => {
        this.#waiters.delete(waiter)
        if (this.#waiters.size === 0) this.#closeSoon()
      },
    }
  }

  async #open(channel: string, timeoutMs: number): Promise<void> {
    const listener = {
      onMessage: (message: string) => {
        const end = message.indexOf(" ")
        // A message to a waiter that has left is a late one.
        this.#waiters.get(message.slice(0, end))?.onMessage(message.slice(end + 1))
      },
      onEnd: () => {
        this.#stream = this.#opening = undefined
        for (const waiter of [...this.#waiters.values()]) waiter.onEnd()
      },
    }
    try {
      this.#stream = await this.#listen(channel, listener, timeoutMs)
    } catch (error) {
      this.#opening = undefined
      throw error
    }
    if (this.#waiters.size === 0) this.#closeSoon()
  }

  #closeSoon(): void {
    clearTimeout(this.#linger)
    this.#idleSince = now()
    this.#linger = backgroundTimer(() => {
      if (this.#waiters.size === 0) this.#close()
    }, LINGER_MS)
  }

  #close(): void {
    if (!this.#stream) return
    this.#stream.close()
    this.#stream = this.#opening = undefined
  }
}

/**
 * Whether one request may use a connection that another one has opened: in Node, Deno and Bun. On Workers that is an error,
 * and on other edge runtimes it is not known.
 */
export function mayShareStreams(): boolean {
  const { process, Deno, WebSocketPair, EdgeRuntime } = globalThis as Record<string, unknown>
  const { versions } = (process ?? {}) as { versions?: { node?: unknown } }
  // Workers imitate Node's `process`.
  return !WebSocketPair && !EdgeRuntime && Boolean(Deno ?? versions?.node)
}
