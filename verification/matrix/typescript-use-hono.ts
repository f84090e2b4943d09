// Uses the entry point for Hono. Compiled, not run.
import { Hono } from "hono"
import { LockManager } from "fetchlock"
import { idempotency, lock, lockRoutes } from "fetchlock/hono"

const locks = new LockManager({ redis: { url: "https://eu1-example.upstash.io", token: "t" } })

export const app = new Hono()
  .post("/orders/:id", lock({ locks, fencing: true, name: (c) => c.req.param("id") }), (c) => {
    const token: number = c.var.lock.fencingToken
    return c.json({ token })
  })
  .post("/payments", idempotency({ locks, scope: "none" }), (c) => c.body(null, 204))
  .route("/locks", lockRoutes({ locks, authorize: () => false }))
