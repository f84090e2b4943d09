// Holds that are extended and released by one command instead of a script: while nobody waits, and never otherwise.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { LockManagerOptions } from "../src/index.js"
import { describeVariants } from "./support/describe-variants.js"
import { always, inOrder, nothing, type SeenRequest } from "./support/fault-proxy.js"
import { until } from "./support/outcomes.js"
import { type Opened, type Variant, variants } from "./support/variants.js"

const pushed = variants.filter(({ push }) => push)

/** What was sent, in short: the command, and what makes it another one. */
const sentTo = ({ log }: { log: readonly SeenRequest[] }) =>
  log.flatMap(({ commands, operations }) =>
    commands.map(([name = "", ...args], i) => {
      const isEqual = args.includes("IFEQ") ? " IFEQ" : ""
      return name.toUpperCase() === "EVAL"
        ? (operations[i] ?? "")
        : `${name.toUpperCase()}${isEqual}`
    }),
  )

const refused = {
  kind: "replaced",
  executed: false,
  status: 400,
  body: `{"error":"ERR unknown command 'DELEX', with args beginning with: "}`,
} as const

describeVariants(
  "with compare-and-set",
  (variant: Variant) => {
    let database: Opened
    let names = 0
    beforeAll(async () => {
      database = await variant.open()
    })
    afterAll(() => database.close())
    const name = () => `plain-${String(names++)}`
    const proxied = async (options: Partial<LockManagerOptions> = {}) => {
      const { proxy, locks } = await database.proxied()
      return { proxy, locks: locks({ compareAndSet: true, keyLocking: false, ...options }) }
    }
    const pttl = async (of: string) => Number(await database.command("PTTL", `lock:${of}`))
    const value = (of: string) => database.command("GET", `lock:${of}`)

    test("an uncontended cycle is two commands", async () => {
      const { proxy, locks } = await proxied()
      expect(await (await locks.acquire(name())).release()).toBe("released")
      await locks.request(name(), () => "done")
      expect(sentTo(proxy)).toEqual(["SET", "DELEX IFEQ", "SET", "DELEX IFEQ"])
    })

    test("a hold with a fencing token is released by one, too", async () => {
      const { proxy, locks } = await proxied()
      await (await locks.acquire(name(), { fencing: true })).release()
      expect(sentTo(proxy)).toEqual(["acquire", "DELEX IFEQ"])
    })

    test("an extension to the ttl that the hold began with is one command", async () => {
      const { proxy, locks } = await proxied()
      const lock = await locks.acquire(name(), { ttl: "20s" })
      await database.command("PEXPIRE", `lock:${lock.name}`, "5000")
      await lock.extend()
      expect(await pttl(lock.name)).toBeGreaterThan(15_000)
      await lock.extend("20s")
      expect(sentTo(proxy)).toEqual(["SET", "SET IFEQ", "SET IFEQ"])
    })

    test("once there was an extension to another ttl, each takes the script, which never shortens", async () => {
      const { proxy, locks } = await proxied()
      const lock = await locks.acquire(name(), { ttl: "20s" })
      await lock.extend("60s")
      await lock.extend()
      expect(await pttl(lock.name)).toBeGreaterThan(50_000)
      expect(sentTo(proxy)).toEqual(["SET", "extend", "extend"])
    })

    test("an extension that is executed late shortens no hold that was made longer meanwhile", async () => {
      const { proxy, locks } = await proxied()
      const lock = await locks.acquire(name(), { ttl: "5s" })
      proxy.plan = inOrder("extend", { kind: "doubled", ms: 300, answer: "first" })
      await lock.extend()
      await lock.extend("60s")
      await proxy.settled()
      expect(proxy.seen("extend")[0]?.answers).toHaveLength(2)
      expect(await pttl(lock.name)).toBeGreaterThan(50_000)
      expect(await lock.release()).toBe("released")
    })

    test("whoever adopts a hold is not shortened by what was sent before it did", async () => {
      const { proxy, locks } = await proxied()
      const lock = await locks.acquire(name(), { ttl: "5s" })
      proxy.plan = inOrder("extend", { kind: "doubled", ms: 300, answer: "first" })
      await lock.extend()
      const adopted = await database.locks().adopt(lock.transfer(), { ttl: "60s" })
      await adopted.extend()
      await proxy.settled()
      expect(proxy.seen("extend")[0]?.answers).toHaveLength(2)
      expect(await pttl(lock.name)).toBeGreaterThan(50_000)
      expect(await adopted.release()).toBe("released")
      expect(await value(lock.name)).toBeNull()
    })

    test("who has come to wait is handed the lock, although the hold knows nothing of it", async () => {
      const { proxy, locks } = await proxied()
      const lock = await locks.acquire(name())
      const waiting = database.locks().acquire(lock.name)
      await until(async () => (await database.locks().inspect(lock.name)).waiting === 1)
      expect(await lock.release()).toBe("released")
      expect(sentTo(proxy)).toEqual(["SET", "DELEX IFEQ", "release"])
      const next = await waiting
      expect(String(await value(lock.name)).replace("+", "")).toBe(next.token)
      await next.release()
    })

    test("once it is known that somebody waits, nothing but scripts is sent", async () => {
      const { proxy, locks } = await proxied()
      const lock = await locks.acquire(name())
      const waiting = database.locks().acquire(lock.name)
      await until(async () => (await database.locks().inspect(lock.name)).waiting === 1)
      await lock.extend()
      await lock.extend()
      await lock.release()
      expect(sentTo(proxy)).toEqual(["SET", "SET IFEQ", "extend", "extend", "release"])
      await (await waiting).release()
    })

    test("a hold that came out of the queue is released by the script", async () => {
      const { proxy, locks } = await proxied()
      const before = await database.locks().acquire(name())
      const waiting = locks.acquire(before.name)
      await until(async () => (await database.locks().inspect(before.name)).waiting === 1)
      await before.release()
      await (await waiting).release()
      expect(sentTo(proxy).filter((sent) => sent.endsWith("IFEQ"))).toEqual([])
    })

    test("a hold that somebody else has by now is neither extended nor released", async () => {
      const { locks } = await proxied()
      const [extended, released, gone] = await Promise.all(
        [name(), name(), name()].map((of) => locks.acquire(of)),
      )
      if (!extended || !released || !gone) throw new Error("there are three")
      for (const lock of [extended, released]) {
        await database.command("SET", `lock:${lock.name}`, "a stranger", "PX", "9000")
      }
      await expect(extended.extend()).rejects.toMatchObject({ code: "lost", reason: "taken" })
      expect(await released.release()).toBe("taken")
      expect(await value(released.name)).toBe("a stranger")
      await database.command("DEL", `lock:${gone.name}`)
      expect(await gone.release()).toBe("gone")
    })

    test("a release whose answer is lost has released, and is not taken for somebody else's", async () => {
      const { proxy, locks } = await proxied()
      const lock = await locks.acquire(name())
      // Nothing that a client would send again by itself.
      proxy.plan = inOrder("release", { kind: "truncated", framing: "broken" })
      expect(await lock.release()).toBe("released")
      expect(sentTo(proxy)).toEqual(["SET", "DELEX IFEQ", "release"])
    })

    test("a release that is executed late frees nobody else's lock", async () => {
      const { proxy, locks } = await proxied({ timeout: "1s" })
      const lock = await locks.acquire(name())
      proxy.plan = inOrder("release", { kind: "request-delayed", ms: 2_500 })
      await lock[Symbol.asyncDispose]()
      const next = await database.locks().acquire(lock.name)
      expect(proxy.seen("release")[0]?.answers).toEqual([])
      await proxy.settled()
      expect(proxy.seen("release")[0]?.answers).toHaveLength(1)
      expect(await value(lock.name)).toBe(next.token)
    })

    test("a database without such commands is asked once, and served by scripts", async () => {
      const { proxy, locks } = await proxied()
      proxy.plan = inOrder("release", refused)
      for (const of of [name(), name()]) {
        expect(await (await locks.acquire(of)).release()).toBe("released")
        expect(await value(of)).toBeNull()
      }
      expect(sentTo(proxy)).toEqual(["SET", "DELEX IFEQ", "release", "SET", "release"])
    })

    test("a database that refuses everything fails the release, not silently", async () => {
      const { proxy, locks } = await proxied()
      const lock = await locks.acquire(name())
      proxy.plan = always("release", { ...refused, body: '{"error":"ERR no"}' })
      await expect(lock.release()).rejects.toMatchObject({ code: "backend", phase: "release" })
      proxy.plan = nothing
      expect(await lock.release()).toBe("released")
    })

    test("it can be switched off, and then takes no such command", async () => {
      const { proxy, locks } = await proxied({ compareAndSet: false })
      const lock = await locks.acquire(name())
      await lock.extend()
      await lock.release()
      expect(sentTo(proxy)).toEqual(["SET", "extend", "release"])
    })
  },
  pushed,
)
