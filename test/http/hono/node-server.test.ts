// The middleware behind Hono's server for Node, which replaces the process's `Request` and `Response` with its own.
import { serve, type ServerType } from "@hono/node-server"
import { idempotency, lock } from "../../../src/http/hono/index.js"
import { LockManager } from "../../../src/index.js"
import { problemOf } from "../guard/adapters.js"
import { type Database, openDatabase } from "../../support/variants.js"
import { type Context, Hono } from "hono"
import { requestId } from "hono/request-id"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, expect, test } from "vitest"

let database: Database
let server: ServerType
let url: string
const app = new Hono()

/** Nothing is renewed while it works. */
function late(c: Context): Response {
  const end = performance.now() + 1_100
  while (performance.now() < end);
  c.header("Set-Cookie", "paid=yes")
  return c.text("paid")
}

beforeAll(async () => {
  database = await openDatabase("embedded engine")
  const locks = new LockManager({ redis: { url: database.url, token: database.token } })
  app.use(requestId())
  app.post("/lock", lock({ locks, name: "node", ttl: "1s", renew: false }), late)
  app.post("/idempotency", idempotency({ locks, scope: "none", ttl: "1s" }), late)
  server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 })
  if (!server.listening) await once(server, "listening")
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
})
afterAll(async () => {
  server.close()
  await database.close()
})

test.each(["lock", "idempotency"])(
  "the response to a loss has the headers that were set before %s, and none of the late handler's",
  async (path) => {
    const headers = { "Idempotency-Key": "node" }
    const response = await fetch(`${url}/${path}`, { method: "POST", headers })
    expect(response.headers.get("X-Request-Id")).toMatch(/./)
    expect(response.headers.get("Set-Cookie")).toBeNull()
    expect(await problemOf(response)).toMatchObject({ type: "lock-lost", status: 500 })
  },
)
