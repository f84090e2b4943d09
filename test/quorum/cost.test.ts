// The cost of an operation on a quorum: HTTP requests, and commands as Upstash bills them, of all databases.
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { quorum } from "../../src/quorum/index.js"
import { billedCommands } from "../support/billed-commands.js"
import { always, nothing } from "../support/fault-proxy.js"
import { type TestNode, startNodes } from "../support/nodes.js"
import { until } from "../support/outcomes.js"
import { describeOnRedis } from "../support/variants.js"

describeOnRedis("on three real databases", () => {
  let nodes: readonly TestNode[] = []
  beforeAll(async () => {
    nodes = await startNodes(3)
    await quorum(nodes.map(({ direct }) => direct)).start()
  })
  afterAll(() => Promise.all(nodes.map((node) => node.close())))

  /** Waits for the replies that a majority did not wait for: requests out of order cost less. */
  const settled = () => Promise.all(nodes.map(({ faults }) => faults.settled()))

  async function acquire(locks: LockManager, name: string, fencing = false) {
    const lock = await locks.acquire(name, { fencing })
    await settled()
    // The last reply is on its way to the client.
    await sleep(50)
    return lock
  }

  async function costOf(run: (locks: LockManager) => Promise<unknown>) {
    for (const node of nodes) {
      node.faults.log.length = 0
      await node.command("CONFIG", "RESETSTAT")
    }
    const works: Promise<unknown>[] = []
    const redis = quorum(nodes.map(({ proxied }) => proxied))
    await run(new LockManager({ redis, waitUntil: (work) => works.push(work) }))
    await Promise.all(works)
    await settled()
    let requests = 0
    let billed = 0
    for (const node of nodes) {
      requests += node.faults.log.length
      billed += billedCommands(String(await node.command("INFO", "commandstats")))
    }
    return { requests, billed }
  }

  test("an uncontended acquire and release cost 2 requests and 7 billed commands for each database", async () => {
    const life = async (locks: LockManager) => (await acquire(locks, "a")).release()
    expect(await costOf(life)).toEqual({ requests: 3 * 2, billed: 3 * (4 + 3) })
  })

  test("a release while a vote is under way costs one request and 3 commands more for its database", async () => {
    const faults = nodes[2]?.faults
    if (!faults) throw new Error("there is no third database")
    faults.plan = always("vote", { kind: "reply-delayed", ms: 200 })
    const life = async (locks: LockManager) => (await locks.acquire("f")).release()
    expect(await costOf(life)).toEqual({ requests: 3 * 2 + 1, billed: 3 * (4 + 3) + 3 })
    faults.plan = nothing
  })

  test("a fencing token costs one request and 3 commands more for each database", async () => {
    const life = async (locks: LockManager) => (await acquire(locks, "b", true)).release()
    expect(await costOf(life)).toEqual({ requests: 3 * 3, billed: 3 * (4 + 3 + 3) })
  })

  test("a refusal costs one request and 3 commands for each database", async () => {
    const others = new LockManager({ redis: quorum(nodes.map(({ direct }) => direct)) })
    const lock = await others.acquire("c")
    await until(async () => {
      const values = await Promise.all(nodes.map((node) => node.command("GET", "lock:c")))
      return values.every((value) => value === lock.token)
    })
    expect(await costOf((locks) => locks.tryAcquire("c"))).toEqual({ requests: 3, billed: 3 * 3 })
    await lock.release()
  })

  test("an extension and an adoption cost one request and 3 commands for each database", async () => {
    const extend = async (locks: LockManager) => (await acquire(locks, "d")).extend()
    expect(await costOf(extend)).toEqual({ requests: 3 * 2, billed: 3 * (4 + 3) })
    const adopt = async (locks: LockManager) => locks.adopt((await acquire(locks, "e")).transfer())
    expect(await costOf(adopt)).toEqual({ requests: 3 * 2, billed: 3 * (4 + 3) })
  })
})
