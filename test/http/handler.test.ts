// The parts of the guard that are specific to a fetch handler: its arguments and its types.
import { afterAll, beforeAll, expect, expectTypeOf, test } from "vitest"
import { withLock } from "../../src/http/handler.js"
import { type FencedLock, type Lock, LockManager } from "../../src/index.js"
import { keepingContext } from "./guard/adapters.js"
import { type Database, openDatabase } from "../support/variants.js"

let database: Database
const env = () => ({ KV_REST_API_URL: database.url, KV_REST_API_TOKEN: database.token })

beforeAll(async () => {
  database = await openDatabase("embedded engine")
})
afterAll(() => database.close())

interface Env {
  readonly KV_REST_API_URL: string
  readonly KV_REST_API_TOKEN: string
}
interface Context {
  waitUntil(work: Promise<unknown>): void
}

test("the handler gets the lock after the request, and then the platform's arguments", async () => {
  const seen: unknown[] = []
  const fetch = withLock(
    (request: Request, lock, given: Env, context: Context) => {
      seen.push(request.url, lock.name, given, context)
      return new Response("done")
    },
    {
      locks: (_, given) => LockManager.fromEnv(given),
      name: ({ url }, given, context) => `${url} ${typeof given} ${typeof context}`,
    },
  )
  expectTypeOf(fetch).toEqualTypeOf<
    (request: Request, given: Env, context: Context) => Promise<Response>
  >()
  const [given, context] = [env(), keepingContext()]
  await fetch(new Request("https://a.example/b"), given, context)
  expect(seen).toEqual(["https://a.example/b", "https://a.example/b object object", given, context])
  expect(context.works).toHaveLength(1)
  await Promise.all(context.works)
})

test("error callbacks get the error before the handler's arguments", async () => {
  const locks = LockManager.fromEnv(env())
  const held = await locks.acquire("held")
  const guarded = withLock((_: Request, __: Lock, id: number) => Response.json(id), {
    locks,
    name: "held",
    onBusy: ({ lockName }, { method }, id) => Response.json([lockName, method, id]),
  })
  const response = await guarded(new Request("https://a.example", { method: "PUT" }), 7)
  expect(await response.json()).toEqual(["held", "PUT", 7])
  await held.release()
})

test("the lock's type follows the options", () => {
  const locks = LockManager.fromEnv(env())
  const name = "a"
  const done = () => new Response("done")
  withLock(
    (_, lock) => {
      expectTypeOf(lock).toEqualTypeOf<Lock>()
      return done()
    },
    { locks, name },
  )
  withLock(
    (_, lock) => {
      expectTypeOf(lock).toEqualTypeOf<FencedLock>()
      return done()
    },
    { locks, name, fencing: true },
  )
  withLock(
    (_, lock) => {
      expectTypeOf(lock).toEqualTypeOf<Lock | undefined>()
      return done()
    },
    { locks, name, failOpen: true },
  )
  // @ts-expect-error -- a handler with another type for the lock
  withLock((_: Request, given: Env) => Response.json(given), { locks, name })
  // @ts-expect-error -- no response
  withLock(() => "done", { locks, name })
  // @ts-expect-error -- a name is needed
  expect(() => withLock(done, { locks })).toThrow("name: must be a non-empty string")
})

test.each([
  ["locks", undefined, "a LockManager or a function that returns one"],
  ["locks", { acquire: 1 }, "a LockManager or a function that returns one"],
  ["name", "", "a non-empty string"],
  ["name", 7, "a non-empty string"],
  ["release", "at-once", "one of before-response, after-response, after-body"],
  ["failOpen", "yes", "a boolean"],
  ["body", "before-lock", '"streamed" or { maxBytes, timeout }'],
  ["body", null, '"streamed" or { maxBytes, timeout }'],
  ["body.maxBytes", "1k", "a number"],
  ["body.maxBytes", 0, "a positive integer"],
  ["body.timeout", 0, "from 1 to"],
  ["onBusy", "retry", "a function"],
  ["onLost", {}, "a function"],
  ["onError", null, "a function"],
  ["ttl", "soon", "milliseconds or text"],
  ["wait", "soon", "milliseconds or text"],
  ["renew", "yes", "a boolean or { maxHold }"],
  ["fencing", 1, "a boolean"],
])("%s cannot be %o", (option, value, expected) => {
  const [outer = "", inner] = option.split(".")
  const given = inner === undefined ? value : { [inner]: value }
  const options = { locks: LockManager.fromEnv(env()), name: "a", [outer]: given }
  expect(() => withLock(() => new Response(), options as never)).toThrow(
    `${option}: must be ${expected}`,
  )
})

test("a value that is not a handler is refused", () => {
  const options = { locks: LockManager.fromEnv(env()), name: "a" }
  expect(() => withLock("handler" as never, options)).toThrow("handler: must be a function, got")
})
