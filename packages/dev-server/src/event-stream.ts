// One stream of server-sent events: the messages of some channels, from their confirmation until either side ends it.
import type { Listener, Topic } from "./engine.js"

const KEEP_ALIVE = Buffer.from(": keep-alive\n\n")

export class EventStream {
  readonly body: ReadableStream<Uint8Array>
  readonly #onClosed: () => void
  readonly #stops: (() => void)[] = []
  readonly #keepAliveMs: number
  #keepAlive: ReturnType<typeof setInterval> | undefined
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  /** What came before the channels were confirmed: the confirmation goes first. */
  #early: Buffer[] | undefined = []

  constructor(keepAliveMs: number, onClosed: () => void) {
    this.#keepAliveMs = keepAliveMs
    this.#onClosed = onClosed
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller
      },
      cancel: () => {
        this.#close()
      },
    })
  }

  /** What to give to the engine for a channel or pattern. */
  listener(topic: Topic): Listener {
    const head = topic.kind === "channel" ? "message," : `pmessage,${topic.name},`
    return {
      onMessage: (channel, payload) => {
        const message = frame(Buffer.concat([Buffer.from(head), channel, COMMA, payload]))
        if (this.#early) this.#early.push(message)
        else this.#send(message)
      },
      onEnd: () => {
        this.end()
      },
    }
  }

  /** Takes the function that ends a subscription; it is called when the stream ends, or now if it has. */
  add(stop: () => void): void {
    if (this.#controller) this.#stops.push(stop)
    else stop()
  }

  /** Tells the client that everything published from now on will come. */
  confirm(topics: readonly Topic[]): void {
    if (!this.#controller) return
    const early = this.#early ?? []
    this.#early = undefined
    topics.forEach(({ kind, name }, i) => {
      const word = kind === "channel" ? "subscribe" : "psubscribe"
      this.#send(frame(Buffer.from(`${word},${name},${i + 1}`)))
    })
    for (const message of early) this.#send(message)
    this.#keepAlive = setInterval(() => {
      this.#send(KEEP_ALIVE)
    }, this.#keepAliveMs)
  }

  /** Ends the stream from this side. */
  end(): void {
    const controller = this.#controller
    this.#close()
    controller?.close()
  }

  #send(bytes: Buffer): void {
    this.#controller?.enqueue(bytes)
  }

  #close(): void {
    if (!this.#controller) return
    this.#controller = undefined
    clearInterval(this.#keepAlive)
    for (const stop of this.#stops) stop()
    this.#onClosed()
  }
}

const COMMA = Buffer.from(",")

/** One event. A line break inside would end it, so each line becomes a `data:` line, as the SSE standard has it. */
function frame(data: Buffer): Buffer {
  if (!data.includes(10) && !data.includes(13)) {
    return Buffer.concat([Buffer.from("data: "), data, Buffer.from("\n\n")])
  }
  const lines = data.toString("latin1").split(/\r\n|\r|\n/)
  return Buffer.from(`${lines.map((line) => `data: ${line}\n`).join("")}\n`, "latin1")
}
