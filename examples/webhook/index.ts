// A payment webhook that is delivered more than once and must be booked once.
// A lock orders callers, it does not remember them: it separates two deliveries, and the record says what was done.
import { Redis } from "@upstash/redis/cloudflare"
import { LockManager } from "fetchlock"
import { lock } from "fetchlock/hono"
import { type Context, Hono } from "hono"

interface Env {
  UPSTASH_REDIS_REST_URL: string
  UPSTASH_REDIS_REST_TOKEN: string
}

const app = new Hono<{ Bindings: Env }>()

const oneDeliveryAtATime = lock({
  locks: (c: Context<{ Bindings: Env }>) => LockManager.fromEnv(c.env),
  name: (c) => {
    const id = c.req.param("id")
    return id && `payment:${id}`
  },
  wait: "10s",
  // The provider sends it again after a 500; the record makes that harmless.
  release: "before-response",
})

app.post("/payments/:id", oneDeliveryAtATime, async (c) => {
  const redis = Redis.fromEnv(c.env)
  const id = c.req.param("id")
  // Inside the lock, so that no other delivery comes between this check and the record.
  if (await redis.get(`booked:${id}`)) return c.json({ id, booked: "before" })
  const { amount } = await c.req.json<{ amount: number }>()
  await scheduler.wait(50, { signal: c.var.lock.signal })
  // Booking and record in one transaction: a process that dies in between has done both or neither.
  await redis.multi().incrby("balance", amount).set(`booked:${id}`, 1, { ex: 86_400 }).exec()
  return c.json({ id, booked: "now" }, 201)
})

export default app
