// A webhook whose sender repeats deliveries for days, as Stripe does: each event is handled once.
// It is at least once: a process that dies while it books is followed by another. So the booking has the event's id, too.
import { Redis } from "@upstash/redis/cloudflare"
import { LockManager } from "fetchlock"
import { once, OnceRunError } from "fetchlock/once"
import { Hono } from "hono"

interface Env {
  UPSTASH_REDIS_REST_URL: string
  UPSTASH_REDIS_REST_TOKEN: string
  WEBHOOK_SECRET: string
}

interface Event {
  readonly id: string
  readonly amount: number
}

const app = new Hono<{ Bindings: Env }>()

app.post("/webhook", async (c) => {
  const body = await c.req.text()
  if (!(await isSigned(body, c.req.header("Stripe-Signature") ?? "", c.env.WEBHOOK_SECRET))) {
    return c.text("bad signature", 400)
  }
  const event = JSON.parse(body) as Event
  const locks = LockManager.fromEnv(c.env, {
    waitUntil: (work) => {
      c.executionCtx.waitUntil(work)
    },
  })
  // Longer than deliveries are repeated.
  const options = { remember: "4d" } as const
  const { source } = await once.detailed(locks, `stripe:${event.id}`, options, () =>
    book(event, c.env),
  )
  return c.json({ id: event.id, source })
})

/** A booking that failed is not remembered: after a 500 the next delivery books. */
app.onError((error, c) => c.text(error instanceof OnceRunError ? "it failed" : "failed", 500))

/** Stands in for the work. Refuses an event that is booked already, which only a crash can lead to. */
async function book({ id, amount }: Event, env: Env): Promise<void> {
  await scheduler.wait(50)
  if (amount < 0) throw new RangeError(`amount: must be positive, got ${amount}`)
  const redis = Redis.fromEnv(env)
  const script = `if redis.call("SADD", KEYS[1], ARGV[1]) == 1 then redis.call("INCRBY", KEYS[2], ARGV[2]) end`
  await redis.eval(script, ["stripe:booked", "stripe:balance"], [id, amount])
}

/** https://docs.stripe.com/webhooks#verify-manually */
async function isSigned(body: string, header: string, secret: string): Promise<boolean> {
  const { t = "", v1 = "" } = Object.fromEntries(
    header.split(",").map((part) => part.split("=", 2) as [string, string]),
  ) as { t?: string; v1?: string }
  const encoder = new TextEncoder()
  const algorithm = { name: "HMAC", hash: "SHA-256" }
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, [
    "verify",
  ])
  const signature = Uint8Array.from(v1.match(/../g) ?? [], (byte) => parseInt(byte, 16))
  return crypto.subtle.verify("HMAC", key, signature, encoder.encode(`${t}.${body}`))
}

export default app
