// A box office: seats are counted, paid for and stored, which goes wrong unless buyers take turns.
import { Redis } from "@upstash/redis/cloudflare"
import { LockManager, LockTimeoutError } from "fetchlock"
import { lock } from "fetchlock/hono"
import { type Context, Hono } from "hono"

interface Env {
  UPSTASH_REDIS_REST_URL: string
  UPSTASH_REDIS_REST_TOKEN: string
}

const app = new Hono<{ Bindings: Env }>()

/** Books the next seat. Buyers of one show take turns; shows do not wait for each other. */
app.post("/shows/:show/seats", async (c) => {
  const requestedAt = Date.now()
  const show = c.req.param("show")
  const redis = Redis.fromEnv(c.env)
  const locks = LockManager.fromEnv(c.env, {
    // A buyer who goes away while paying must not leave the show locked.
    waitUntil: (work) => {
      c.executionCtx.waitUntil(work)
    },
  })
  const options = { wait: "45s", fencing: true } as const

  const booking = await locks.request(`show:${show}`, options, async (lock) => {
    const sold = (await redis.get<number>(`sold:${show}`)) ?? 0
    // Read only here: in a Worker the clock stands still until there is I/O.
    const enteredAt = Date.now()
    // Stands in for the payment: it takes a while, and must stop if the lock is lost.
    await scheduler.wait(100, { signal: lock.signal })
    await redis.set(`sold:${show}`, sold + 1)
    return { seat: sold + 1, fencingToken: lock.fencingToken, enteredAt, leftAt: Date.now() }
  })
  return c.json({ show, isolate: isolateId(), requestedAt, ...booking }, 201)
})

/** No one can buy while a guarded route of the show runs; if a purchase is in progress, the request gets a 423. */
const guarded = lock({
  locks: (c: Context<{ Bindings: Env }>) => LockManager.fromEnv(c.env),
  name: (c) => `show:${String(c.req.param("show"))}`,
})

/** Empties the house, unless a purchase is in progress. */
app.delete("/shows/:show/seats", guarded, async (c) => {
  await Redis.fromEnv(c.env).del(`sold:${c.req.param("show")}`)
  return c.body(null, 204)
})

/** Only reads, so it needs no lock. */
app.get("/shows/:show/seats", async (c) => {
  const show = c.req.param("show")
  const sold = (await Redis.fromEnv(c.env).get<number>(`sold:${show}`)) ?? 0
  return c.json({ show, isolate: isolateId(), sold })
})

app.onError((error, c) => {
  if (error instanceof LockTimeoutError) {
    return c.json({ error: "too many buyers, try again" }, 503, { "Retry-After": "5" })
  }
  console.error(error)
  return c.json({ error: error.message }, 500)
})

let isolate: string | undefined

/** Identifies this copy of the Worker. Created at the first request: Workers allow no random numbers before. */
function isolateId(): string {
  return (isolate ??= crypto.randomUUID().slice(0, 8))
}

export default app
