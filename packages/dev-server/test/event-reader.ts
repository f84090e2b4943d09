// Reads a stream of server-sent events line by line.
import type { RestClient } from "./rest-client.js"

export class EventReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #controller: AbortController
  #text = ""

  private constructor(body: ReadableStream<Uint8Array>, controller: AbortController) {
    this.#reader = body.getReader()
    this.#controller = controller
  }

  static async open(rest: RestClient, path: string, method = "POST"): Promise<EventReader> {
    const controller = new AbortController()
    const headers = { Accept: "text/event-stream" }
    const response = await rest.raw(path, { method, headers, signal: controller.signal })
    if (response.status !== 200 || !response.body) throw new Error(await response.text())
    if (response.headers.get("content-type") !== "text/event-stream") throw new Error("no events")
    return new EventReader(response.body, controller)
  }

  /** The next event as it was sent, or undefined once the stream has ended. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n")
      if (end >= 0) {
        const event = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return event
      }
      const { done, value } = await this.#reader.read()
      if (done) return undefined
      this.#text += Buffer.from(value).toString()
    }
  }

  /** Disconnects as a client does that closes the request. */
  abort(): void {
    this.#controller.abort()
  }
}
