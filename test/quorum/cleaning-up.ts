// A call without a grant leaves no vote behind, even if replies are lost; and our own votes never block us.
import { lockRoutes } from "../../src/http/hono/index.js"
import { resolve } from "node:path"
import { Redis } from "@upstash/redis"
import { expect, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { quorum } from "../../src/quorum/index.js"
import { everything, inOrder, type Fault, type Plan } from "../support/fault-proxy.js"
import { runChild } from "../support/child.js"
import { durationOf, rejection, until } from "../support/outcomes.js"
import type { QuorumLab } from "../support/quorum-lab.js"

const STRANGER = ["a stranger", "PX", "60000"] as const

/** The first vote of one client suffers the fault. */
function firstVoteOf(clientId: string, fault: Fault): Plan {
  let isFirst = true
  return ({ operations, commands }) => {
    const isIts =
      operations.includes("vote") && JSON.stringify(commands).includes(`fl_${clientId}_`)
    if (!isIts || !isFirst) return undefined
    isFirst = false
    return fault
  }
}

export function cleaningUp(lab: () => QuorumLab): void {
  /** Makes a majority refuse, so that a caller gets only the votes of the last two, in vain. */
  const refuseByMajority = async (wanted: string) => {
    const strangers = lab().nodes.slice(0, 3)
    await Promise.all(strangers.map((node) => node.command("SET", `lock:${wanted}`, ...STRANGER)))
    return lab().nodes.slice(3)
  }

  test("an even split is settled: one of the two callers gets the lock soon, and then the other", async () => {
    const { locks, name, nodes } = lab()
    const wanted = name()
    const four = nodes.slice(0, 4)
    const delayed = { kind: "request-delayed", ms: 500 } as const
    for (const [i, { faults }] of four.entries()) {
      faults.plan = firstVoteOf(i < 2 ? "b" : "a", delayed)
    }
    const visit = async (clientId: string) => {
      const lock = await locks({ clientId, wait: "20s" }, four).acquire(wanted)
      const votes = lock.token
      await lock.release()
      return votes
    }
    const both = Promise.all([visit("a"), visit("b")])
    // Far from the 30 s that their votes would last.
    expect(await durationOf(both)).toBeLessThan(15_000)
    // Neither got it with its first attempt: it was a split.
    expect((await both).every((token) => !token.endsWith("-1"))).toBe(true)
    await lab().free(wanted, four)
  })

  test("a split is settled without a wait, too: one of two concurrent tries gets the lock", async () => {
    const { locks, name, nodes } = lab()
    const wanted = name()
    const four = nodes.slice(0, 4)
    const delayed = { kind: "request-delayed", ms: 500 } as const
    for (const [i, { faults }] of four.entries()) {
      faults.plan = firstVoteOf(i < 2 ? "b" : "a", delayed)
    }
    const tries = ["a", "b"].map((clientId) => locks({ clientId }, four).tryAcquire(wanted))
    expect((await Promise.all(tries)).filter((lock) => lock !== null)).toHaveLength(1)
  })

  test("votes whose replies and releases are lost do not block the next attempt", async () => {
    const { locks, name, nodes } = lab()
    for (const { faults } of nodes.slice(0, 3)) {
      let votes = 0
      faults.plan = ({ operations }) => {
        if (operations.includes("release")) return { kind: "request-lost" }
        return operations.includes("vote") && votes++ === 0 ? { kind: "reply-lost" } : undefined
      }
    }
    const lock = await locks().acquire(name())
    expect(lock.token).toMatch(/-2$/)
    // By the votes of those as well.
    await lab().voted(lock)
    expect(lock.remainingMs).toBeGreaterThan(20_000)
  })

  test("a release of an earlier attempt that arrives late does not remove the votes of the next one", async () => {
    const { locks, name, nodes } = lab()
    for (const { faults } of nodes.slice(0, 3)) {
      const lost = inOrder("vote", { kind: "reply-lost" })
      const late = inOrder("release", { kind: "request-delayed", ms: 1_000 })
      faults.plan = (request) => lost(request) ?? late(request)
    }
    const lock = await locks().acquire(name())
    await lab().voted(lock)
    await Promise.all(nodes.map(({ faults }) => faults.settled()))
    expect(nodes[0]?.faults.seen("release").length).toBeGreaterThan(0)
    await lab().voted(lock)
    expect(await lock.release()).toBe("released")
  })

  test.for([
    ["its answer was an error", { kind: "replaced", executed: true, status: 500, body: "" }],
    ["its answer was lost", { kind: "reply-lost" }],
    ["its answer comes after the deadline", { kind: "reply-delayed", ms: 1_500 }],
    ["its answer never comes", { kind: "hang", executed: true, after: "nothing" }],
  ] as const)("a vote without a grant is withdrawn when %s", async ([, fault]) => {
    const { locks, name } = lab()
    const wanted = name()
    const [first, second] = await refuseByMajority(wanted)
    if (!first || !second) throw new Error("there are too few databases")
    first.faults.plan = inOrder("vote", fault)
    const manager = locks({ voteTimeout: 500 })
    expect(await manager.tryAcquire(wanted)).toBeNull()
    await until(() => first.faults.log.some(({ operations }) => operations.includes("release")))
    await lab().free(wanted, [first, second])
    await first.faults.settled()
    await lab().free(wanted, [first, second])
  })

  test("a late vote without a grant is withdrawn, also for a client that cannot be canceled", async () => {
    const { name, nodes } = lab()
    const wanted = name()
    const [first, second] = await refuseByMajority(wanted)
    if (!first || !second) throw new Error("there are too few databases")
    first.faults.plan = inOrder("vote", { kind: "request-delayed", ms: 1_500 })
    const clients = nodes.map(({ proxied }) => new Redis({ ...proxied, keepAlive: false }))
    const locks = new LockManager({
      redis: quorum(clients, { voteTimeout: 300 }),
      keyLocking: false,
    })
    expect(await locks.tryAcquire(wanted)).toBeNull()
    await until(() => (first.faults.seen("vote")[0]?.answers.length ?? 0) > 0)
    expect(first.faults.seen("vote")[0]?.answers[0]).toContain(btoa("granted"))
    await lab().free(wanted, [first, second])
  })

  test("a vote that arrives after the lock was released is withdrawn", async () => {
    const { locks, name, node } = lab()
    node(4).faults.plan = inOrder("vote", { kind: "request-delayed", ms: 1_000 })
    const lock = await locks({ voteTimeout: "10s" }).acquire(name())
    expect(await lock.release()).toBe("released")
    await until(() => node(4).faults.seen("vote")[0]?.answers.length === 1)
    expect(node(4).faults.seen("vote")[0]?.answers[0]).toContain("granted")
    await lab().free(lock.name)
  })

  test("a release that a database missed is sent to it again", async () => {
    const { locks, name, node } = lab()
    const lock = await locks().acquire(name())
    await lab().voted(lock)
    node(2).faults.plan = inOrder("release", { kind: "request-lost" }, { kind: "request-lost" })
    expect(await lock.release()).toBe("released")
    await lab().free(lock.name)
    expect(node(2).faults.seen("release")).toHaveLength(3)
  })

  test("an abort during the votes leaves no vote behind", async () => {
    const { locks, name, nodes } = lab()
    const wanted = name()
    for (const { faults } of nodes)
      faults.plan = inOrder("vote", { kind: "reply-delayed", ms: 700 })
    const controller = new AbortController()
    const waiting = rejection(locks().acquire(wanted, { signal: controller.signal }))
    await until(() => nodes.every(({ faults }) => faults.seen("vote")[0]?.answers.length === 1))
    expect((await lab().values(wanted)).every((value) => value !== null)).toBe(true)
    controller.abort()
    expect(await waiting).toBe(controller.signal.reason)
    await lab().free(wanted)
  })

  test("work that continues after the response is passed to waitUntil, and ends", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const rest = await refuseByMajority(wanted)
    const works: Promise<unknown>[] = []
    const waitUntil = (work: Promise<unknown>) => works.push(work)
    expect(await locks({ waitUntil }).tryAcquire(wanted)).toBeNull()
    expect(works.length).toBeGreaterThan(0)
    await Promise.all(works)
    expect(await lab().values(wanted, rest)).toEqual([null, null])
    // The waitUntil of a call goes before that of its manager.
    works.length = 0
    const others: unknown[] = []
    const manager = locks({ waitUntil: (work) => others.push(work) })
    expect(await manager.tryAcquire(wanted, { waitUntil })).toBeNull()
    await Promise.all(works)
    expect([works.length > 0, others]).toEqual([true, []])
    expect(await lab().values(wanted, rest)).toEqual([null, null])
  })

  test("the lock service refuses a ttl that is longer than the quarantine", async () => {
    const { locks, name } = lab()
    const service = lockRoutes({ locks: locks({ quarantine: "1m" }), authorize: () => true })
    const ask = (method: string, ttl: string, headers = {}) =>
      service.request(`/${wanted}`, {
        method,
        headers: { "Content-Type": "application/json", ...headers },
        body: JSON.stringify({ ttl }),
      })
    const wanted = name()
    expect((await ask("POST", "2m")).status).toBe(400)
    const granted = await ask("POST", "30s")
    expect(granted.status).toBe(201)
    const token = { "Lock-Token": granted.headers.get("Lock-Token") ?? "" }
    expect((await ask("PATCH", "2m", token)).status).toBe(400)
    expect((await ask("PATCH", "40s", token)).status).toBe(200)
    expect((await service.request(`/${wanted}`)).status).toBe(501)
    expect((await service.request(`/${wanted}`, { method: "DELETE", headers: token })).status).toBe(
      204,
    )
  })

  test("a grant that expires before a majority has replied is a failure, and leaves nothing behind", async () => {
    const { locks, name, nodes } = lab()
    const wanted = name()
    // Neither of the two rounds takes longer than a request may, which is the ttl here; both together do.
    for (const { faults } of nodes) {
      faults.plan = ({ operations }) =>
        operations.includes("vote") || operations.includes("fence")
          ? { kind: "reply-delayed", ms: 200 }
          : undefined
    }
    const request = { ttl: 300, fencing: true }
    const error = await rejection(locks({ voteTimeout: "5s" }).tryAcquire(wanted, request))
    expect(error).toMatchObject({ name: "LockBackendError", phase: "acquire" })
    expect(nodes[0]?.faults.seen("fence")).not.toEqual([])
    const released = () => JSON.stringify(nodes[0]?.faults.seen("release").map((r) => r.commands))
    await until(() => /fl_[\w-]+-\d+"/.test(released()))
    await lab().free(wanted)
  })

  test.for([
    ["after acquire and release", "await (await locks.acquire(name)).release()"],
    ["with a handle that is renewed", "await locks.acquire(name, { renew: true })"],
    ["after a try in vain", "await locks.acquire(name); await locks.tryAcquire(name)"],
    ["after a request", "await locks.request(name, { fencing: true }, () => 1)"],
  ])("a process ends by itself, %s, although a database hangs", async ([, program]) => {
    const { name, nodes, node } = lab()
    node(1).faults.plan = everything({ kind: "hang", executed: false, after: "nothing" })
    const ended = await runChild(
      `import { quorum } from ${JSON.stringify(resolve("dist/quorum/index.js"))}
       const databases = ${JSON.stringify(nodes.map(({ proxied }) => proxied))}
       const name = ${JSON.stringify(name())}
       const locks = new LockManager({ redis: quorum(databases, { voteTimeout: 500 }), timeout: 1000 })
       ${String(program)}
       end()`,
      node(0).proxied,
    )
    expect(ended).toMatchObject({ code: 0, out: "", err: "" })
    // The clean-up of the database that hangs, on a busy machine.
    expect(ended.lingeredMs).toBeLessThan(10_000)
  })
}
