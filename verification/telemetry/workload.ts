// A service in miniature: orders that wait, a report that does not, a poller that holds for long, chats that preempt, a token
// that is shared, and an outage.
import { setTimeout as sleep } from "node:timers/promises"
import { LockManager } from "../../src/index.js"
import { withLock } from "../../src/http/handler.js"
import { once } from "../../src/once/index.js"
import type { LockTelemetry } from "../../src/otel/index.js"
import { everything, FaultProxy, nothing } from "../../test/support/fault-proxy.js"
import type { Database } from "../../test/support/variants.js"

export interface WorkloadOptions {
  readonly database: Database
  readonly telemetry: LockTelemetry
  readonly seconds: number
  /** When the database fails, in seconds since the beginning, and for how long. */
  readonly outage: { readonly at: number; readonly seconds: number }
}

const REFUSED = { kind: "replaced", executed: false, status: 503, body: "{}" } as const

/** Between two times, at random. */
const about = (ms: number) => sleep(ms * (0.5 + Math.random()))

/** Resolves when all of its work is over. */
export async function runWorkload(options: WorkloadOptions): Promise<void> {
  const { database, telemetry, seconds, outage } = options
  const proxy = await FaultProxy.open(database.url)
  const redis = { url: proxy.url, token: database.token }
  const locks = new LockManager({ redis, onEvent: telemetry.onEvent, ttl: "2s", timeout: "1s" })
  const traced = telemetry.trace(locks)
  const end = performance.now() + seconds * 1_000
  const repeat = async (times: number, work: (worker: number) => Promise<unknown>) => {
    const worker = async (number: number) => {
      // Busy, refused, timed out, preempted or failed: the metrics tell.
      while (performance.now() < end) await work(number).catch(() => sleep(100))
    }
    await Promise.all(Array.from({ length: times }, (_, number) => worker(number)))
  }
  const answer = withLock(
    async (_: Request, lock) => {
      await sleep(400, undefined, { signal: lock.signal })
      return new Response("answer")
    },
    {
      locks,
      name: (request) => `chat:${new URL(request.url).pathname}`,
      conflict: "preempt",
    },
  )
  const breakDown = async () => {
    await sleep(outage.at * 1_000)
    proxy.plan = everything(REFUSED)
    await sleep(outage.seconds * 1_000)
    proxy.plan = nothing
  }
  await Promise.all([
    breakDown(),
    repeat(8, async (worker) => {
      await traced.request(`order:${String(worker % 2)}`, { wait: 400 }, () => about(60))
      await about(40)
    }),
    repeat(1, async () => {
      await traced.request("poller:main", (lock) =>
        sleep(6_000, undefined, { signal: lock.signal }),
      )
    }),
    repeat(2, async () => {
      await traced.request("report:daily", { ifAvailable: true }, (lock) => lock && about(250))
      await about(100)
    }),
    repeat(3, async (chat) => {
      // The user does not wait for the answer to the message before.
      void answer(new Request(`http://localhost/${String(chat)}`, { method: "POST" }))
      await about(500)
    }),
    repeat(5, async () => {
      await once(locks, "token:api", { remember: 800 }, () => about(150))
      await about(300)
    }),
  ])
  // Answers that are still in progress, and releases that are sent again.
  await sleep(2_500)
  await proxy.close()
}
