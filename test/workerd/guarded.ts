// A Worker whose routes are guarded by Hono's middleware: one waits for its turn, one does not.
import { LockManager } from "fetchlock"
import { lock } from "fetchlock/hono"
import { type Context, Hono } from "hono"
import { section } from "./section.js"
import { commandTo, type Env } from "./serve.js"

const app = new Hono<{ Bindings: Env }>()

const options = {
  locks: (c: Context) => LockManager.fromEnv(c.env as object),
  name: (c: Context) => c.req.param("name"),
  fencing: true,
} as const

app.post("/patient/:name", lock({ ...options, wait: "60s" }), async (c) =>
  c.json(await section(commandTo(c.env), c.var.lock)),
)
app.post("/impatient/:name", lock(options), async (c) =>
  c.json(await section(commandTo(c.env), c.var.lock)),
)
app.get("/streamed/:name", lock({ ...options, release: "after-body" }), (c) =>
  c.body(new Blob(["0123456789"]).stream()),
)

export default app
