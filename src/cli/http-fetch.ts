// A `fetch` for the command line over node:http: Node's own takes 25 ms to load, a third of the start of this program.
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http"
import type { Fetch } from "../redis/transport.js"

/** The parts of node:http and node:https that are used. */
interface Protocol {
  readonly Agent: new (options: { keepAlive: boolean }) => object
  request(
    url: string,
    options: RequestOptions,
    onResponse: (response: IncomingMessage) => void,
  ): ClientRequest
}

interface Opened {
  readonly protocol: Protocol
  readonly agent: object
}

/** The parts of a response that the built-in client uses. */
type UsedResponse = Pick<Response, "status"> & {
  readonly headers: Pick<Headers, "get">
  readonly body: {
    getReader(): Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">
    cancel(): Promise<void>
  }
}

/** Follows no redirect, as the built-in client asks, and keeps connections open, which do not keep the process alive. */
export function createFetch(): Fetch {
  const opened = new Map<string, Promise<Opened>>()
  return async (url, { method = "GET", headers, body, signal }) => {
    const { protocol: scheme } = new URL(url)
    const opening = opened.get(scheme) ?? open(scheme)
    opened.set(scheme, opening)
    const { protocol, agent } = await opening
    const text = typeof body === "string" ? body : ""
    const options = {
      method,
      agent,
      headers: {
        ...(headers as Record<string, string>),
        "Content-Length": Buffer.byteLength(text),
      },
      ...(signal && { signal }),
    } as RequestOptions
    return new Promise((resolve, reject) => {
      const request = protocol.request(url, options, (response) => {
        resolve(responseOf(response) as unknown as Response)
      })
      request.on("error", reject)
      request.end(text)
    })
  }
}

/** Most programs need one of the two alone. */
async function open(scheme: string): Promise<Opened> {
  const protocol: Protocol = await (scheme === "https:"
    ? import("./https-protocol.js")
    : import("./http-protocol.js"))
  return { protocol, agent: new protocol.Agent({ keepAlive: true }) }
}

function responseOf(response: IncomingMessage): UsedResponse {
  // Without a listener, an error after the body was canceled would end the process.
  response.on("error", () => undefined)
  const cancel = () => {
    // A body that was read to its end leaves its connection to the next request.
    if (!response.readableEnded) response.destroy()
    return Promise.resolve()
  }
  return {
    status: response.statusCode ?? 0,
    headers: {
      get: (name) => {
        const value = response.headers[name.toLowerCase()]
        return Array.isArray(value) ? value.join(", ") : (value ?? null)
      },
    },
    body: {
      cancel,
      getReader: () => {
        const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>
        const read = async () => {
          const chunk = await chunks.next()
          return chunk.done
            ? ({ done: true, value: undefined } as const)
            : ({ done: false, value: chunk.value } as const)
        }
        return { read, cancel }
      },
    },
  }
}
