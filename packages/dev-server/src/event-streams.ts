// All open streams of a server, so that it can end them when it closes.
import type { Engine, Topic } from "./engine.js"
import { EventStream } from "./event-stream.js"

export class EventStreams {
  readonly #engine: Engine
  readonly #keepAliveMs: number
  readonly #open = new Set<EventStream>()
  #closed = false

  constructor(engine: Engine, keepAliveMs: number) {
    this.#engine = engine
    this.#keepAliveMs = keepAliveMs
  }

  /** Resolves once the subscriptions are active, so that no message can be missed. @throws EngineUnavailableError */
  async open(topics: readonly Topic[], signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const end = () => {
      stream.end()
    }
    const stream = new EventStream(this.#keepAliveMs, () => {
      this.#open.delete(stream)
      signal.removeEventListener("abort", end)
    })
    this.#open.add(stream)
    signal.addEventListener("abort", end)
    try {
      for (const topic of topics) {
        stream.add(await this.#engine.subscribe(topic, stream.listener(topic)))
      }
      stream.confirm(topics)
      if (signal.aborted || this.#closed) stream.end()
      return stream.body
    } catch (error) {
      stream.end()
      throw error
    }
  }

  close(): void {
    this.#closed = true
    for (const stream of [...this.#open]) stream.end()
  }
}
