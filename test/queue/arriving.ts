// First come, first served: the first request takes the place, however long the streams of the callers take to open.
import { setTimeout as sleep } from "node:timers/promises"
import { expect, test } from "vitest"
import type { Lab } from "../contract/lab.js"
import { resultsIn } from "../../verification/torture/trouble/belated.js"
import { nothing, type Plan, type SeenRequest } from "../support/fault-proxy.js"
import { argumentsOf } from "../support/operation.js"
import { byHand, enter, expectFree } from "./line.js"

const CALLERS = 8

/** A wire on which opening a stream takes 30 ms, give or take 20. */
function slowStreams(): Plan {
  let n = 0
  return ({ operations }) =>
    operations.includes("SUBSCRIBE")
      ? { kind: "request-delayed", ms: 10 + ((n++ * 17) % 41) }
      : undefined
}

/** A proxy that keeps what a stream sends, until it ends. */
const buffered: Plan = ({ operations }) =>
  operations.includes("SUBSCRIBE") ? { kind: "stream-stalled", after: "headers" } : undefined

const WIRES: readonly (readonly [string, () => Plan])[] = [
  ["", () => nothing],
  [" behind a wire on which streams open slowly", slowStreams],
  [" behind a proxy that buffers streams", () => buffered],
]

export function arriving(lab: () => Lab): void {
  for (const [wire, plan] of WIRES) {
    test.for([2, 15])(`callers %i ms apart are served in that order${wire}`, async (apartMs) => {
      const { proxied, name } = lab()
      const { proxy, locks } = await proxied()
      proxy.plan = plan()
      const lockName = name()
      const first = await locks().acquire(lockName)
      const arriving = Array.from({ length: CALLERS }, async (_, i) => {
        await sleep(i * apartMs)
        return enter(locks, lockName)
      })
      const entered = await Promise.all(arriving)
      await first.release()
      const served: string[] = []
      const serving = entered.map(async ({ granted }) => {
        const lock = await granted
        served.push(lock.token)
        await lock.release()
      })
      await Promise.all(serving)
      expect(served).toEqual(arrivals(proxy.log))
      await expectFree(byHand(lab(), lockName))
    })
  }

  test("readers that come after a writer do not overtake it, within a tick as well", async () => {
    const { locks, name } = lab()
    const manager = locks({ wait: "60s" })
    const lockName = name()
    const served: string[] = []
    const call = async (mode: "shared" | "exclusive", who: string) => {
      const lock = await manager.acquire(lockName, { mode })
      served.push(who)
      await sleep(30)
      await lock.release()
    }
    await Promise.all([
      call("shared", "S1"),
      call("exclusive", "X"),
      call("shared", "S2"),
      call("exclusive", "Y"),
    ])
    expect(served).toEqual(["S1", "X", "S2", "Y"])
  })
}

/** The tokens of those who were told to wait, in the order in which the database executed their first requests. */
function arrivals(log: readonly SeenRequest[]): string[] {
  const tickets = new Map<string, number>()
  for (const { commands, answers } of log) {
    for (const [i, command] of commands.entries()) {
      const [entry = "", , action = ""] = argumentsOf(command)
      const [token = ""] = entry.split(" ")
      if (!["claim", "enqueue"].includes(action) || tickets.has(token)) continue
      const [, [kind, , , , , ticket]] = resultsIn(answers[0] ?? "")[i] as [unknown, unknown[]]
      if (plain(kind) === "queued") tickets.set(token, Number(plain(ticket)))
    }
  }
  return [...tickets].sort(([, a], [, b]) => a - b).map(([token]) => token)
}

/** The client of @upstash/redis has strings sent in base64. */
function plain(part: unknown): string {
  const text = String(part)
  return /^(granted|queued|\d*)$/.test(text) ? text : atob(text)
}
