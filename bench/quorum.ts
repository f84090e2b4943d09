// The quorum scenario: five databases of which one hangs and one refuses, against bare fetches to the three that are left.
import { createServer, type AddressInfo, type Socket } from "node:net"
import { LockManager } from "fetchlock"
import { quorum } from "fetchlock/quorum"
import type { Endpoint } from "./contenders.js"
import { percentile } from "./percentile.js"
import { openTestbed, type Testbed } from "./testbed.js"

export interface QuorumResult {
  /** The median acquire as a ratio to the slowest of three bare fetches sent at once, or to two such rounds. */
  readonly ratio_to_limit: number
  /** The round trip to the slowest of the three, in milliseconds. */
  readonly rtt_ms: number
}

/** Measures an acquire without a fencing token and with one. */
export async function runQuorum(
  rttMs: number,
  cycles: number,
): Promise<Record<"one round" | "two rounds, for fencing", QuorumResult>> {
  const healthy: Testbed[] = []
  const hanging = await startHanging()
  try {
    while (healthy.length < 3) healthy.push(await openTestbed(rttMs))
    const refusing = { url: "http://127.0.0.1:1", token: "none" }
    await quorum(healthy).start()
    const redis = quorum([hanging, ...healthy.slice(0, 2), refusing, ...healthy.slice(2)])
    const locks = new LockManager({ redis })
    return {
      "one round": await measure(locks, healthy, cycles, false),
      "two rounds, for fencing": await measure(locks, healthy, cycles, true),
    }
  } finally {
    hanging.close()
    for (const testbed of healthy) await testbed.close()
  }
}

async function measure(
  locks: LockManager,
  healthy: readonly Endpoint[],
  cycles: number,
  fencing: boolean,
): Promise<QuorumResult> {
  const own: number[] = []
  const bare: number[] = []
  const WARM_UP = 10
  for (let i = 0; i < WARM_UP + cycles; i++) {
    const acquiring = performance.now()
    const lock = await locks.acquire(`bench-${i}`, { fencing })
    own.push(performance.now() - acquiring)
    await lock.release()
    const sending = performance.now()
    await Promise.all(healthy.map(sendBare))
    bare.push(performance.now() - sending)
  }
  const rtt = percentile(bare.slice(WARM_UP), 0.5)
  const limit = fencing ? 2 * rtt : rtt
  return { ratio_to_limit: percentile(own.slice(WARM_UP), 0.5) / limit, rtt_ms: rtt }
}

/** As long as a vote, and a script as it is. */
const BODY = JSON.stringify([
  "EVAL",
  "return redis.call('MGET', KEYS[1], KEYS[2], KEYS[3])",
  "3",
  ...["lock:bench", "{fetchlock}:born", "{lock:bench}:fence"],
  " ".repeat(1_500),
])

async function sendBare({ url, token }: Endpoint): Promise<void> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }
  const response = await fetch(url, { method: "POST", headers, body: BODY })
  await response.text()
}

/** Takes every connection and never answers. */
async function startHanging(): Promise<Endpoint & { close: () => void }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.on("close", () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    token: "none",
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
