// A guarded route: the time until its response, compared with one bare fetch, which is the limit.
import { LockManager } from "fetchlock"
import { lock } from "fetchlock/hono"
import { Hono } from "hono"
import { NOTHING, type Result } from "../result.js"
import { percentile } from "../testbed/percentile.js"
import { sendBare } from "../testbed/send-bare.js"
import type { Testbed } from "../testbed/testbed.js"
import { timed } from "../testbed/timed.js"
import type { Scenario } from "./scenario.js"

/** @param cycles the number of requests to the route */
export function guarded(cycles: number): Scenario {
  return {
    title: "guarded route",
    takes: ({ name }) => name === "fetchlock",
    limitSeconds: (rttMs) => (cycles * 2 * rttMs) / 1_000,
    run: async (testbed) => ({ "fetchlock/hono": await runGuarded(testbed, cycles) }),
  }
}

/** The median time until the response, as a ratio to one bare fetch of the same body. The two alternate. */
async function runGuarded(testbed: Testbed, cycles: number): Promise<Result> {
  const locks = new LockManager({ redis: testbed })
  const app = new Hono()
  app.get("/", lock({ locks, name: "bench-guarded" }), (c) => c.text("done"))
  const afterwards: Promise<unknown>[] = []
  const context = { waitUntil: (work: Promise<unknown>) => afterwards.push(work) }
  const request = async () => {
    const response = await app.request("/", {}, {}, context as never)
    if (response.status !== 200) throw new Error(`answered ${response.status}`)
  }
  const released = () => Promise.all(afterwards.splice(0))
  const cycle = async () => {
    await request()
    await released()
  }
  const { bodies, commands } = await testbed.count(cycle)
  // Warms up: code that is compiled at first use would count against the route.
  for (let i = 0; i < 20; i++) await cycle()
  // Another lock, which is never released: the route must find its own lock free.
  const bareBody = bodies[0]?.replace("bench-guarded", "bench-bare") ?? ""
  const own: number[] = []
  const bare: number[] = []
  for (let i = 0; i < cycles; i++) {
    own.push(await timed(request))
    await released()
    bare.push(await timed(() => sendBare(testbed, [bareBody])))
  }
  return {
    ...NOTHING,
    ratio_to_limit: percentile(own, 0.5) / percentile(bare, 0.5),
    requests_per_cs: bodies.length,
    commands_per_cs: commands,
  }
}
