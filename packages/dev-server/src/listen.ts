// Puts a fetch handler on a port, and takes it off again without waiting for idle connections.
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { getRequestListener } from "@hono/node-server"

/** How long requests under way have to end before their connections are cut. */
const GRACE_MS = 2000

export interface Listening {
  readonly port: number
  /** Lets requests under way end, for a moment. */
  close(): Promise<void>
}

/** @throws Error with one line that says which port of which address, and why not. */
export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  port: number,
  hostname: string,
): Promise<Listening> {
  const listener = getRequestListener(fetch, { hostname, overrideGlobalObjects: false })
  // Clients that pool connections must not find them closed between two requests.
  const options = { noDelay: true, keepAliveTimeout: 120_000, requestTimeout: 0 }
  const server = createServer(options, (request, response) => {
    // It answers the request itself when the handler fails, so its promise tells nothing more.
    void listener(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new Error(`cannot listen on ${hostname}:${port}: ${reasonOf(error)}`, { cause: error }),
      )
    })
    server.listen(port, hostname, resolve)
  })
  return { port: (server.address() as AddressInfo).port, close: () => close(server) }
}

async function close(server: Server): Promise<void> {
  // A connection is idle only a moment after its response has ended, and Node does not close it by itself then.
  const idle = setInterval(() => {
    server.closeIdleConnections()
  }, 5)
  const cut = setTimeout(() => {
    server.closeAllConnections()
  }, GRACE_MS)
  try {
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve()
      })
    })
  } finally {
    clearInterval(idle)
    clearTimeout(cut)
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === "EADDRINUSE") return "the port is in use"
  if (error.code === "EACCES") return "not allowed to use this port"
  if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND") return "no such address here"
  return error.message
}
