// A guarded route: the time until its response, against one bare fetch, which is the limit.
import { LockManager } from "fetchlock"
import { lock } from "fetchlock/hono"
import { Hono } from "hono"
import { recordFetches } from "./fetch-recorder.js"
import { percentile } from "./percentile.js"
import type { Testbed } from "./testbed.js"
import { sendBare, timed } from "./uncontended.js"

export interface GuardedResult {
  /** The median time until the response as a ratio to one bare fetch of the same body, taken in turn with it. */
  readonly ratio_to_limit: number
  /** Of the whole request, its release included. */
  readonly requests_per_cs: number
  readonly commands_per_cs: number
}

export async function runGuarded(testbed: Testbed, cycles: number): Promise<GuardedResult> {
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
  const bodies = await recordFetches(cycle)
  // What is compiled at first use would count against the route.
  for (let i = 0; i < 20; i++) await cycle()
  // Another lock, which nobody gives back: the route must find its own free.
  const bareBody = bodies[0]?.replace("bench-guarded", "bench-bare") ?? ""
  const own: number[] = []
  const bare: number[] = []
  for (let i = 0; i < cycles; i++) {
    own.push(await timed(request))
    await released()
    bare.push(await timed(() => sendBare(testbed, [bareBody])))
  }
  await testbed.reset()
  await cycle()
  return {
    ratio_to_limit: percentile(own, 0.5) / percentile(bare, 0.5),
    requests_per_cs: bodies.length,
    commands_per_cs: await testbed.billedCommands(),
  }
}
