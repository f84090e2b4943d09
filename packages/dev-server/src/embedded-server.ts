// The server without a port: a fetch function over the embedded engine, which also runs in a browser.
import { bytesOf } from "./bytes.js"
import { withCompareAndSet } from "./compare-and-set.js"
import { EmbeddedEngine } from "./engine-embedded.js"
import { createRestHandler } from "./rest-handler.js"

/** The options of `openEmbeddedServer`. */
export interface EmbeddedServerOptions {
  /**
   * The address of the Lua machine, `liblua5.1.wasm` of the package `wasmoon-lua5.1`, where your bundler puts it. In Vite:
   * `import wasm from "wasmoon-lua5.1/dist/liblua5.1.wasm?url"`.
   * @default beside the package's own code, as in Node
   */
  readonly wasm?: string | URL | undefined
  /**
   * Milliseconds between keep-alive comments on an open stream.
   * @default 15000
   */
  readonly keepAlive?: number | undefined
}

/** A server without a port. Each has its own data. */
export interface EmbeddedServer {
  /** For the `url` of a client. Nothing listens there. */
  readonly url: string
  /** For the `token` of a client. */
  readonly token: string
  /**
   * In place of the global `fetch`, for requests to `url`. As that, it rejects with the signal's reason when the signal aborts,
   * which also ends a stream. It may be passed on without its server.
   *
   * @throws the signal's reason.
   * @example
   * ```ts
   * import { openEmbeddedServer } from "@fetchlock/dev-server/embedded"
   *
   * const { url, token, fetch } = await openEmbeddedServer()
   * const headers = { Authorization: `Bearer ${token}` }
   * const response = await fetch(`${url}/set/greeting/hello`, { headers })
   * console.log(await response.json()) // { result: "OK" }
   * ```
   */
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  /** Ends the streams. Never throws. */
  readonly close: () => void
}

/** A host that the handler accepts, and that no network resolves to another machine. */
const URL_OF_SERVER = "http://embedded.localhost"
const TOKEN_BYTES = 24

/**
 * Opens a server with Upstash's REST API in this very page or process, without a port: for demonstrations, and for tests
 * where nothing may listen. It has the embedded engine of the local server, with its commands, scripts and event streams.
 *
 * @throws `RangeError` for an invalid option; `Error` if the Lua machine cannot be loaded.
 * @example
 * ```ts
 * import { openEmbeddedServer } from "@fetchlock/dev-server/embedded"
 * import { LockManager } from "fetchlock"
 *
 * const { url, token, fetch } = await openEmbeddedServer()
 * const locks = new LockManager({ redis: { url, token }, fetch })
 * await locks.request("invoice:42", (lock) => console.log(lock.name))
 * ```
 */
export async function openEmbeddedServer(
  options: EmbeddedServerOptions = {},
): Promise<EmbeddedServer> {
  const { wasm, keepAlive = 15_000 } = options
  if (!(keepAlive >= 1 && keepAlive <= 2 ** 31 - 1))
    throw new RangeError(`keepAlive: must be 1 to 2147483647 ms, got ${keepAlive}`)
  const engine = withCompareAndSet(await EmbeddedEngine.create(undefined, wasm?.toString()))
  const token = bytesOf(String.fromCharCode(...randomBytes()), "latin1").toString("base64")
  const handler = createRestHandler({ engine, token, keepAliveMs: keepAlive })
  return {
    url: URL_OF_SERVER,
    token,
    fetch: (url, init) => answer((request) => handler.fetch(request), url, init),
    close: () => {
      handler.close()
    },
  }
}

function randomBytes(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(TOKEN_BYTES))
}

type Handler = (request: Request) => Response | Promise<Response>

/** As the platform's `fetch` does it: nothing of the answer arrives after an abort. */
async function answer(handle: Handler, url: string, init?: RequestInit): Promise<Response> {
  const { signal } = init ?? {}
  const request = new Request(url, init)
  if (!signal) return handle(request)
  signal.throwIfAborted()
  const settled = new AbortController()
  const abortion = new Promise<never>((_, reject) => {
    const abort = () => {
      // The signal's own reason, whatever it is.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      reject(signal.reason)
    }
    signal.addEventListener("abort", abort, { once: true, signal: settled.signal })
  })
  try {
    const response = await Promise.race([handle(request), abortion])
    if (!response.body) return response
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    // An abort reaches the reader through the stream itself.
    response.body.pipeTo(writable, { signal }).catch(() => undefined)
    return new Response(readable, response)
  } finally {
    settled.abort()
  }
}
