// A payment route with an Idempotency-Key: a client that got no answer sends its request again and pays once.
import { Redis } from "@upstash/redis/cloudflare"
import { LockManager } from "fetchlock"
import { idempotency } from "fetchlock/hono"
import { type Context, Hono } from "hono"
import { bearerAuth } from "hono/bearer-auth"

interface Env {
  Bindings: {
    UPSTASH_REDIS_REST_URL: string
    UPSTASH_REDIS_REST_TOKEN: string
  }
  Variables: { userId: string }
}

const app = new Hono<Env>()

/** Stands in for the accounts: the token is the user's name. */
const signedIn = bearerAuth({
  verifyToken: (token: string, c: Context<Env>) => {
    c.set("userId", token)
    return true
  },
})

const payOnce = idempotency({
  locks: (c: Context<Env>) => LockManager.fromEnv(c.env),
  // Two users may choose the same key.
  scope: (c: Context<Env>) => c.get("userId"),
  // A repeat that comes while the payment is being made waits for its response.
  wait: "10s",
  // After a crash nobody knows whether the money has moved, so the payment is not made again.
  onCrash: "fail",
})

app.post("/payments", signedIn, payOnce, async (c) => {
  const { amount } = await c.req.json<{ amount: number }>()
  await scheduler.wait(50)
  const id = await Redis.fromEnv(c.env).rpush(`paid:${c.get("userId")}`, amount)
  return c.json({ id, amount }, 201)
})

export default app
