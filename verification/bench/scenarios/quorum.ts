// The quorum scenario: five databases of which one hangs and one refuses, compared with bare fetches to the other three.
import { createServer, type AddressInfo, type Socket } from "node:net"
import { LockManager } from "fetchlock"
import { quorum } from "fetchlock/quorum"
import type { Place } from "../contenders/contender.js"
import { NOTHING, type Result } from "../result.js"
import { percentile } from "../testbed/percentile.js"
import { sendBare } from "../testbed/send-bare.js"
import { openTestbed, type Testbed } from "../testbed/testbed.js"
import type { Scenario } from "./scenario.js"

/** A REST API. */
type Endpoint = Pick<Place, "url" | "token">

/** @param cycles the number of acquires without a fencing token, and again with one */
export function onQuorum(cycles: number): Scenario {
  return {
    title: "quorum of five",
    takes: ({ name }) => name === "fetchlock",
    limitSeconds: (rttMs) => (8 * cycles * rttMs) / 1_000,
    run: ({ addedMs }) => runQuorum(addedMs, cycles),
  }
}

async function runQuorum(
  addedMs: number,
  cycles: number,
): Promise<Readonly<Record<string, Result>>> {
  const healthy: Testbed[] = []
  const hanging = await startHanging()
  try {
    while (healthy.length < 3) healthy.push(await openTestbed(addedMs))
    const refusing = { url: "http://127.0.0.1:1", token: "none" }
    await quorum(healthy).start()
    const redis = quorum([hanging, ...healthy.slice(0, 2), refusing, ...healthy.slice(2)])
    const locks = new LockManager({ redis })
    return {
      "fetchlock/quorum": await measure(locks, healthy, cycles, false),
      "fetchlock/quorum, fencing": await measure(locks, healthy, cycles, true),
    }
  } finally {
    hanging.close()
    for (const testbed of healthy) await testbed.close()
  }
}

/** The median acquire as a ratio to the slowest of three bare fetches sent at once, or to two such rounds. */
async function measure(
  locks: LockManager,
  healthy: readonly Endpoint[],
  cycles: number,
  fencing: boolean,
): Promise<Result> {
  const own: number[] = []
  const bare: number[] = []
  const WARM_UP = 10
  for (let i = 0; i < WARM_UP + cycles; i++) {
    const acquiring = performance.now()
    const lock = await locks.acquire(`bench-${i}`, { fencing })
    own.push(performance.now() - acquiring)
    await lock.release()
    const sending = performance.now()
    await Promise.all(healthy.map((place) => sendBare(place, [BODY])))
    bare.push(performance.now() - sending)
  }
  const rtt = percentile(bare.slice(WARM_UP), 0.5)
  const limit = fencing ? 2 * rtt : rtt
  return { ...NOTHING, ratio_to_limit: percentile(own.slice(WARM_UP), 0.5) / limit }
}

/** As long as a vote, and also a script. */
const BODY = JSON.stringify([
  "EVAL",
  "return redis.call('MGET', KEYS[1], KEYS[2], KEYS[3])",
  "3",
  ...["lock:bench", "{fetchlock}:born", "{lock:bench}:fence"],
  " ".repeat(1_500),
])

/** Accepts every connection and never answers. */
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
