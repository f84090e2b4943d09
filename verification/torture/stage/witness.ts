// A server that clients reach without faults: the register, and a receiver of notes for clients that cannot write a file.
import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import type { Note, TimedNote } from "../client/notes.js"
import type { Register } from "../judges/register.js"
import { monotonicMs } from "../monotonic.js"

export class Witness {
  readonly url: string
  readonly #server: Server

  /** @param onNote receives the notes of Workers, with the time of their arrival */
  static async open(
    register: Register,
    onNote: (client: number, note: TimedNote) => void,
  ): Promise<Witness> {
    // A Worker does not retry on a connection that was closed while it was idle.
    const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      void readAll(request).then((body) => {
        if (body === undefined) return
        const { url = "" } = request
        if (url === "/ping") {
          response.end()
          return
        }
        if (url === "/register") {
          const { name, fence } = JSON.parse(body) as { name: string; fence: number }
          response.end(JSON.stringify(register.write(name, fence)))
          return
        }
        const at = monotonicMs()
        const client = Number(url.replace("/notes/", ""))
        onNote(client, { ...(JSON.parse(body) as Note), at })
        response.end(String(at))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return new Witness(server)
  }

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** The body; undefined if its sender was killed while it was sending. */
async function readAll(request: IncomingMessage): Promise<string | undefined> {
  let text = ""
  try {
    for await (const chunk of request) text += String(chunk)
  } catch {
    return undefined
  }
  return text
}
