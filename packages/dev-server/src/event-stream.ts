// One stream of server-sent events: the messages of some channels, from their confirmation until either side ends it.
import { type Bytes, bytesOf, concatBytes } from "./bytes.js"
import type { Listener, Topic } from "./engine.js"

const KEEP_ALIVE = bytesOf(": keep-alive\n\n")

/** A client that is further behind is cut off, as with Redis's default limit for subscribers. */
const MAX_UNREAD_BYTES = 32 * 1024 * 1024

export class EventStream {
  readonly body: ReadableStream<Uint8Array>
  readonly #onClosed: () => void
  readonly #stops: (() => void)[] = []
  readonly #keepAliveMs: number
  #keepAlive: ReturnType<typeof setInterval> | undefined
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  /** Messages that arrived before the channels were confirmed: the confirmation must be sent first. */
  #early: Bytes[] | undefined = []
  /** Messages that the client has not read yet. Queued here, so that they can be dropped. */
  #unread: Bytes[] = []
  #unreadBytes = 0

  constructor(keepAliveMs: number, onClosed: () => void) {
    this.#keepAliveMs = keepAliveMs
    this.#onClosed = onClosed
    const source: UnderlyingDefaultSource<Uint8Array> = {
      start: (controller) => {
        this.#controller = controller
      },
      pull: () => {
        this.#flush()
      },
      cancel: () => {
        this.#close()
      },
    }
    this.body = new ReadableStream(source, { highWaterMark: 1 })
  }

  /** The listener that sends the messages of a channel or pattern to the client. */
  listener(topic: Topic): Listener {
    const head = topic.kind === "channel" ? "message," : `pmessage,${topic.name},`
    return {
      onMessage: (channel, payload) => {
        const message = frame(concatBytes([bytesOf(head), channel, COMMA, payload]))
        this.#send(message)
      },
      onEnd: () => {
        this.end()
      },
    }
  }

  /** Registers the function that ends a subscription. It is called when the stream ends, or now if it has ended. */
  add(stop: () => void): void {
    if (this.#controller) this.#stops.push(stop)
    else stop()
  }

  /** Tells the client that it will receive every message published from now on. */
  confirm(topics: readonly Topic[]): void {
    if (!this.#controller) return
    const early = this.#early ?? []
    this.#early = undefined
    this.#unreadBytes = 0
    topics.forEach(({ kind, name }, i) => {
      const word = kind === "channel" ? "subscribe" : "psubscribe"
      this.#send(frame(bytesOf(`${word},${name},${i + 1}`)))
    })
    for (const message of early) this.#send(message)
    this.#keepAlive = setInterval(() => {
      this.#send(KEEP_ALIVE)
    }, this.#keepAliveMs)
  }

  /** Ends the stream from this side, after the messages that the client has not read yet. */
  end(): void {
    const controller = this.#controller
    this.#close()
    for (const bytes of this.#unread.splice(0)) controller?.enqueue(bytes)
    controller?.close()
  }

  #send(bytes: Bytes): void {
    if (!this.#controller) return
    const waiting = this.#early ?? this.#unread
    waiting.push(bytes)
    this.#unreadBytes += bytes.length
    if (this.#unreadBytes > MAX_UNREAD_BYTES) {
      waiting.length = 0
      this.end()
    } else if (!this.#early) this.#flush()
  }

  /** Sends as much as the client is ready to read. */
  #flush(): void {
    while (this.#controller && (this.#controller.desiredSize ?? 0) > 0) {
      const bytes = this.#unread.shift()
      if (!bytes) return
      this.#unreadBytes -= bytes.length
      this.#controller.enqueue(bytes)
    }
  }

  #close(): void {
    if (!this.#controller) return
    this.#controller = undefined
    clearInterval(this.#keepAlive)
    for (const stop of this.#stops) stop()
    this.#onClosed()
  }
}

const COMMA = bytesOf(",")

/** One event. A line break would end it, so each line becomes a `data:` line, as in the SSE standard. */
function frame(data: Bytes): Bytes {
  if (!data.includes(10) && !data.includes(13)) {
    return concatBytes([bytesOf("data: "), data, bytesOf("\n\n")])
  }
  const lines = data.toString("latin1").split(/\r\n|\r|\n/)
  return bytesOf(`${lines.map((line) => `data: ${line}\n`).join("")}\n`, "latin1")
}
