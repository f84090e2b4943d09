// Locks of other programs, played by their protocol: the guarantees that they need from us, and exclusion in both directions.
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { resolve } from "node:path"
import { createInterface } from "node:readline"
import { Redis } from "@upstash/redis"
import { afterAll, beforeAll, expect, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { quorum } from "../../src/quorum/index.js"
import { pythonWithRedis } from "./redis-py.js"
import { type TestNode, startNodes } from "../support/nodes.js"
import { describeOnRedis, onRedis, type Opened } from "../support/variants.js"

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const DELETE_IF_OURS = `
if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end
return 0`

type Command = (...command: readonly string[]) => Promise<unknown>

async function setIfFree(command: Command, key: string, value: string): Promise<boolean> {
  return (await command("SET", key, value, "NX", "PX", "30000")) === "OK"
}

async function deleteIfOurs(command: Command, key: string, value: string): Promise<boolean> {
  return (await command("EVAL", DELETE_IF_OURS, "1", key, value)) === 1
}

describeOnRedis("on one database", () => {
  let database: Opened
  beforeAll(async () => {
    database = await onRedis.open()
  })
  afterAll(() => database.close())

  test.skipIf(pythonWithRedis === undefined)(
    "a waiter of redis-lock-py is woken by the message that an event listener publishes on release",
    async () => {
      const { url, token, redisUrl = "" } = database
      const redis = new Redis({ url, token })
      const published: Promise<unknown>[] = []
      const locks = database.locks({
        prefix: "",
        onEvent: (event) => {
          if (event.type !== "released") return
          published.push(redis.publish(`rlock-channel:${event.name}`, "ok"))
        },
      })
      const lock = await locks.acquire("report")
      const program = resolve("test/foreign/redis_lock_py_wait.py")
      const child = spawn(pythonWithRedis ?? "", [program, redisUrl, lock.name], {
        stdio: ["ignore", "pipe", "inherit"],
      })
      const gone = once(child, "exit")
      const said = createInterface(child.stdout)[Symbol.asyncIterator]()
      try {
        expect((await said.next()).value).toBe("busy")
        await lock.release()
        expect((await said.next()).value).toBe("taken")
        expect(await database.command("GET", "report")).toBe("a token of its own")
        await Promise.all(published)
      } finally {
        child.kill()
        await gone
      }
    },
  )

  test("a program whose token contains the key between colons shares a lock under a prefix without a colon", async () => {
    const { command } = database
    const take = async (key: string) => {
      const token = `_LOCK:${key}:${randomUUID()}`
      return (await setIfFree(command, key, token)) ? token : undefined
    }
    /** Python-redilock refuses a token that has not exactly three parts. */
    const unlock = (token: string) => {
      const [, key = "", ...rest] = token.split(":")
      return rest.length === 1 && deleteIfOurs(command, key, token)
    }
    const colon = await take("lock:report")
    expect(await unlock(colon ?? "")).toBe(false)

    const locks = database.locks({ prefix: "lock_" })
    const token = await take("lock_report")
    expect(await locks.tryAcquire("report")).toBeNull()
    expect(await unlock(token ?? "")).toBe(true)
    const ours = await locks.acquire("report")
    expect(await take("lock_report")).toBeUndefined()
    expect(await ours.release()).toBe("released")
  })
})

describeOnRedis("on three databases", () => {
  let nodes: readonly TestNode[] = []
  beforeAll(async () => {
    nodes = await startNodes(3)
    await quorum(nodes.map(({ direct }) => direct)).start()
  })
  afterAll(() => Promise.all(nodes.map((node) => node.close())))

  test("a lock on a majority of the same databases, as taken by distlock and redlock, and our quorum never overlap", async () => {
    let inside = 0
    let overlaps = 0
    const turns = { ours: 0, theirs: 0 }
    const visit = async (whose: keyof typeof turns) => {
      if (++inside > 1) overlaps++
      await pause(5)
      turns[whose]++
      inside--
    }
    const wanted = 10
    const mine = async () => {
      const locks = new LockManager({ redis: quorum(nodes.map(({ direct }) => direct)) })
      while (turns.ours < wanted) {
        await locks.request("report", { wait: "60s" }, () => visit("ours"))
        await pause(50 * Math.random())
      }
    }
    const theirs = async () => {
      const commands = nodes.map(
        (node): Command =>
          (...command) =>
            node.command(...command),
      )
      const token = randomUUID()
      while (turns.theirs < wanted) {
        const votes = await Promise.all(commands.map((c) => setIfFree(c, "lock:report", token)))
        if (votes.filter(Boolean).length >= 2) await visit("theirs")
        await Promise.all(commands.map((c) => deleteIfOurs(c, "lock:report", token)))
        await pause(50 * Math.random())
      }
    }
    await Promise.all([mine(), theirs()])
    expect(overlaps).toBe(0)
  }, 60_000)
})
