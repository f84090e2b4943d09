// Serves a fetch handler on a port, and closes it without waiting for idle connections.
import { createServer, type Server } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { getRequestListener } from "@hono/node-server"

/** How long requests in progress may take to end before their connections are cut. */
const GRACE_MS = 500

export interface Listening {
  readonly port: number
  /** Gives requests in progress a moment to end. */
  close(): Promise<void>
}

/** @throws Error whose message names the address, the port and the reason. */
export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  port: number,
  hostname: string,
): Promise<Listening> {
  const listener = getRequestListener(fetch, { hostname, overrideGlobalObjects: false })
  // Clients that pool connections must not find them closed between two requests.
  const options = { noDelay: true, keepAliveTimeout: 120_000, requestTimeout: 0 }
  const server = createServer(options, (request, response) => {
    // Its promise never rejects: it answers the request itself if the handler fails.
    void listener(request, response)
  })
  const connections = trackConnections(server)
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new Error(`cannot listen on ${hostname}:${port}: ${reasonOf(error)}`, { cause: error }),
      )
    })
    server.listen(port, hostname, resolve)
  })
  return { port: (server.address() as AddressInfo).port, close: () => close(server, connections) }
}

/** Closes idle connections at once, the others when their response has ended or the grace period is over. */
async function close(server: Server, connections: ReadonlyMap<Socket, number>): Promise<void> {
  const closeQuiet = () => {
    for (const [socket, requests] of connections) if (requests === 0) socket.destroy()
  }
  // A response that ends is flushed first, so connections are checked again and again.
  const quiet = setInterval(closeQuiet, 5)
  const cut = setTimeout(() => {
    server.closeAllConnections()
  }, GRACE_MS)
  try {
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve()
      })
      closeQuiet()
    })
  } finally {
    clearInterval(quiet)
    clearTimeout(cut)
  }
}

/**
 * Counts the requests in progress on each open connection. Node does not count a connection as idle before its first
 * request, and clients open connections in advance.
 */
function trackConnections(server: Server): ReadonlyMap<Socket, number> {
  const connections = new Map<Socket, number>()
  server.on("connection", (socket) => {
    connections.set(socket, 0)
    socket.once("close", () => connections.delete(socket))
  })
  server.on("request", ({ socket }, response) => {
    connections.set(socket, (connections.get(socket) ?? 0) + 1)
    response.once("close", () => {
      const requests = connections.get(socket)
      if (requests !== undefined) connections.set(socket, requests - 1)
    })
  })
  return connections
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === "EADDRINUSE") return "the port is in use"
  if (error.code === "EACCES") return "not allowed to use this port"
  if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND")
    return "this machine has no such address"
  return error.message
}
