// Managers and locks in mocking and dependency-injection tools, and in the output of a console.
import { inspect } from "node:util"
import { expect, test, vi } from "vitest"
import { LockManager } from "../../src/index.js"
import { healthyFetch } from "../support/healthy-fetch.js"
import { rejection } from "../support/outcomes.js"

const fetch = vi.fn(healthyFetch)
const redis = { url: "http://127.0.0.1:9", token: "t" }

/** Calls the methods on the object itself, as docs/safety.md says. */
function bound<T extends object>(target: T): T {
  return new Proxy(target, {
    get(of, key) {
      const value: unknown = Reflect.get(of, key, of)
      return typeof value === "function" ? (value.bind(of) as unknown) : value
    },
  })
}

test("a plain Proxy around a manager or a lock fails at once with a TypeError and sends nothing", async () => {
  const locks = new LockManager({ redis, fetch })
  fetch.mockClear()
  expect(await rejection(new Proxy(locks, {}).acquire("a"))).toBeInstanceOf(TypeError)
  expect(fetch).not.toHaveBeenCalled()
  const lock = await locks.acquire("a")
  expect(() => new Proxy(lock, {}).token).toThrow(TypeError)
})

test("a Proxy that calls the methods on the object itself works", async () => {
  const locks = bound(new LockManager({ redis, fetch }))
  const lock = bound(await locks.acquire("a"))
  expect(lock.token).toMatch(/^fl_/)
  expect(await lock.release()).toBe("released")
})

test("a lock is printed without its token, with any options", async () => {
  const lock = await new LockManager({ redis, fetch }).acquire("a")
  for (const options of [{}, { showHidden: true, getters: true }, { depth: Infinity }]) {
    const said = inspect({ lock }, options)
    expect(said).toContain("name: 'a'")
    expect(said).not.toContain(lock.token)
  }
  expect(lock.token).toMatch(/^fl_/)
})
