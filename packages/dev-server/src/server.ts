// The local server: a REST API on a port.
import { listen } from "./listen.js"
import { type DevServerOptions, readOptions } from "./options.js"
import { hostOf } from "./request-origin.js"
import { openRestApi } from "./rest-api.js"

/** A running server. */
export interface DevServer extends AsyncDisposable {
  /** For `UPSTASH_REDIS_REST_URL`. */
  readonly url: string
  /** For `UPSTASH_REDIS_REST_TOKEN`. */
  readonly token: string
  /** The port it listens on. */
  readonly port: number
  /** The number of HTTP requests received so far. */
  readonly requests: number
  /** Ends streams and connections. After it, nothing of the server keeps the process alive. Never throws. */
  close(): Promise<void>
}

/**
 * Starts a server with Upstash's REST API in this process, for development and tests.
 *
 * @example
 * ```ts
 * import { startDevServer } from "@fetchlock/dev-server"
 * import { LockManager } from "fetchlock"
 *
 * const server = await startDevServer({ port: 0 })
 * const locks = new LockManager({ redis: { url: server.url, token: server.token } })
 * await locks.request("invoice:42", (lock) => console.log(lock.name))
 * await server.close()
 * ```
 *
 * @throws `TypeError`, `RangeError` for an invalid option, and `Error` if the port is in use or the Redis cannot be
 * reached within about two seconds.
 *
 * > [!WARNING]
 * > Not for production: one process, one token, no encryption, and by default no persistence.
 */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  const { port, hostname, allowedHosts, token, redis, keepAliveMs } = readOptions(options)
  const api = await openRestApi({ redis, token, keepAliveMs, hosts: [hostname, ...allowedHosts] })
  let requests = 0
  const fetch = (request: Request) => {
    requests++
    return api.fetch(request)
  }
  const listening = await listen(fetch, port, hostname).catch(async (error: unknown) => {
    await api.close()
    throw error
  })
  let closed: Promise<void> | undefined
  const close = () => (closed ??= shutDown())
  const shutDown = async () => {
    api.endStreams()
    await listening.close()
    await api.close()
  }
  return {
    url: `http://${urlHost(hostname)}:${listening.port}`,
    token,
    port: listening.port,
    get requests() {
      return requests
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The host by which clients on this machine reach a server that listens on `hostname`. */
function urlHost(hostname: string): string {
  if (hostname === "0.0.0.0") return "127.0.0.1"
  if (hostname === "::") return "[::1]"
  return hostOf(hostname)
}
