// A TCP proxy on loopback that delays every byte by a fixed time in each direction: a longer wire, nothing else.
import { connect, createServer, type AddressInfo, type Socket } from "node:net"

/** A proxy that runs. */
export interface LatencyProxy {
  readonly url: string
  close(): Promise<void>
}

/** @param oneWayMs how long each direction takes; a round trip takes twice that */
export async function startLatencyProxy(target: string, oneWayMs: number): Promise<LatencyProxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const relay = (from: Socket, to: Socket) => {
    sockets.add(from)
    from.setNoDelay(true)
    // Timers of one length fire in the order in which they were set, so bytes stay in order.
    from.on("data", (chunk) => setTimeout(() => to.write(chunk), oneWayMs))
    from.on("end", () => setTimeout(() => to.end(), oneWayMs))
    from.on("error", () => to.destroy())
    from.on("close", () => {
      sockets.delete(from)
      setTimeout(() => to.destroy(), oneWayMs)
    })
  }
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    relay(client, upstream)
    relay(upstream, client)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve)
  })
  const address = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => {
          resolve()
        })
      }),
  }
}
