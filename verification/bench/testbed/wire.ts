// A program: a TCP proxy on loopback that delays every byte by a fixed time in each direction, like a longer wire.
// In its own process, so that its processor time does not count as that of its users.
import { connect, createServer, type AddressInfo, type Socket } from "node:net"

const [targetPort, oneWayMs] = process.argv.slice(2).map(Number)
if (targetPort === undefined || oneWayMs === undefined)
  throw new Error("usage: wire PORT ONE_WAY_MS")

function relay(from: Socket, to: Socket): void {
  from.setNoDelay(true)
  // Timers of equal length fire in the order in which they were set, so bytes stay in order.
  from.on("data", (chunk) => setTimeout(() => to.write(chunk), oneWayMs))
  from.on("end", () => setTimeout(() => to.end(), oneWayMs))
  from.on("error", () => to.destroy())
  from.on("close", () => setTimeout(() => to.destroy(), oneWayMs))
}

const server = createServer((client) => {
  const upstream = connect(targetPort, "127.0.0.1")
  relay(client, upstream)
  relay(upstream, client)
})
server.listen(0, "127.0.0.1", () => {
  console.log(String((server.address() as AddressInfo).port))
})
