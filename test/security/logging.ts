// Logging any object of this library reveals no token.
import { format, inspect } from "node:util"
import { expect, test } from "vitest"
import { Redis } from "@upstash/redis"
import { LockManager } from "../../src/index.js"
import { quorum } from "../../src/quorum/index.js"
import { openDatabase } from "../support/variants.js"
import { expectNoSecret, expectTellsNoSecret, REST_SECRET } from "./secrets.js"

export function logging(): void {
  test("managers, locks, groups, semaphores and quorums reveal no token when they are logged", async () => {
    const database = await openDatabase("embedded engine")
    const { url, token } = database
    const config = { url, token: REST_SECRET }
    // It is authorized by the token of the server, and never reveals the one that it was given.
    const fetch = (to: string, init: RequestInit) => {
      const headers = new Headers(init.headers)
      headers.set("Authorization", `Bearer ${token}`)
      return globalThis.fetch(to, { ...init, headers })
    }
    const locks = new LockManager({ redis: config, fetch })
    const lock = await locks.acquire("a", { renew: true, fencing: true })
    const group = await locks.acquireAll(["b", "c"])
    const databases = quorum([config, { ...config, url: "https://b.example" }])
    const logged = {
      locks,
      lock,
      group,
      databases,
      semaphore: locks.semaphore("d", 2),
      "a manager on a quorum": new LockManager({ redis: databases }),
      "a manager on a client": new LockManager({ redis: new Redis(config) }),
      "what is held": await locks.query(),
      "how it stands": await locks.inspect("a"),
      signal: lock.signal,
      "a copy of what is theirs": Object.assign({}, lock, locks),
    }
    for (const [what, value] of Object.entries(logged)) {
      expectTellsNoSecret(value, what)
      expectNoSecret(format("%s %o %O %j", value, value, value, value), what)
      expectNoSecret(inspect(value, { getters: true, depth: Infinity }), what)
    }
    // The text that is searched for exists, and would be found.
    expect(() => {
      expectTellsNoSecret(lock.token, "the token")
    }).toThrow()
    await Promise.all([lock.release(), group.release()])
    const passed = (await locks.acquire("a")).transfer()
    // The one object that has to contain it, and says so.
    expect(() => {
      expectTellsNoSecret(passed, "the transfer")
    }).toThrow()
    await (await locks.adopt(passed)).release()
    await database.close()
  })
}
