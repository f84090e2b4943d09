// Databases that fail: a minority of them changes nothing, a majority is a failure, and the two are never confused.
import { expect, test } from "vitest"
import { LockBackendError, LockLostError, LockTimeoutError } from "../../src/index.js"
import { QuorumError } from "../../src/quorum/index.js"
import { everything } from "../support/fault-proxy.js"
import {
  abortion,
  durationOf,
  everythingSaidBy,
  recorder,
  rejection,
  until,
} from "../support/outcomes.js"
import type { QuorumLab } from "../support/quorum-lab.js"

/** Longer than anything here takes that does not wait for a database. */
const LONG = "20s"
const PROMPT = 5_000

export function failing(lab: () => QuorumLab): void {
  test("a lock has the vote of every reachable database", async () => {
    const { locks, name, voted } = lab()
    const lock = await locks().acquire(name())
    await voted(lock)
    expect(await locks().tryAcquire(lock.name)).toBeNull()
    expect(await lock.release()).toBe("released")
    await lab().free(lock.name)
  })

  test("one database that hangs and one that refuses delay nothing", async () => {
    const { locks, name, node } = lab()
    node(1).faults.plan = everything({ kind: "hang", executed: false, after: "nothing" })
    node(3).faults.plan = everything({
      kind: "replaced",
      executed: false,
      status: 401,
      body: JSON.stringify({ error: "WRONGPASS" }),
    })
    const manager = locks({ voteTimeout: LONG, timeout: LONG })
    const life = async () => {
      const lock = await manager.acquire(name(), { fencing: true })
      await lock.extend()
      expect(await manager.tryAcquire(lock.name)).toBeNull()
      const adopted = await manager.adopt(lock.transfer())
      expect(await adopted.release()).toBe("released")
      return lock
    }
    expect(await durationOf(life())).toBeLessThan(PROMPT)
    const { name: used } = await life()
    await lab().free(used)
  })

  test("two of five databases that are killed, then paused, affect neither grant, renewal, exclusion nor release", async () => {
    const { locks, name, node } = lab()
    await node(0).kill()
    node(4).pause()
    const { onEvent, of } = recorder()
    const lock = await locks({ onEvent }).acquire(name(), { ttl: "3s", renew: true })
    await until(() => of("renewed").length >= 4, { timeout: 15_000 })
    expect(await locks().tryAcquire(lock.name)).toBeNull()
    expect(lock.signal.aborted).toBe(false)
    expect(await lock.release()).toBe("released")
    expect(await locks().tryAcquire(lock.name)).not.toBeNull()
  })

  test("an unreachable majority is an error with each database's own reason, and no vote stays", async () => {
    const { locks, name, node, nodes } = lab()
    await node(0).kill()
    node(1).faults.plan = everything({ kind: "request-lost", by: "reset" })
    node(2).faults.plan = everything({
      kind: "replaced",
      executed: false,
      status: 502,
      body: "<html>",
    })
    const wanted = name()
    const error = await rejection(locks({ clientId: "me" }).acquire(wanted))
    expect(error).toBeInstanceOf(LockBackendError)
    expect(error).toMatchObject({ code: "backend", phase: "acquire", lockName: wanted })
    const { cause } = error as LockBackendError
    expect(cause).toBeInstanceOf(QuorumError)
    const { failures } = cause as QuorumError
    expect(failures.map(({ database }) => database)).toEqual([0, 1, 2])
    expect(failures[0]?.reason.message).toContain("Redis")
    expect(failures[2]?.reason.message).toContain("502")
    expect(new Set(failures.map(({ reason }) => reason.message)).size).toBe(3)
    expect(everythingSaidBy(error)).not.toContain("fl_me")
    await lab().free(wanted, nodes.slice(3))
  })

  test("a majority that refuses authorization is an error at once, with its status", async () => {
    const { locks, name, nodes } = lab()
    for (const { faults } of nodes.slice(1, 4)) {
      faults.plan = everything({
        kind: "replaced",
        executed: false,
        status: 401,
        body: JSON.stringify({ error: "WRONGPASS" }),
      })
    }
    const error = await rejection(locks().tryAcquire(name()))
    expect(error).toMatchObject({ name: "LockBackendError", status: 401 })
    expect(nodes[0]?.faults.seen("vote").length).toBeGreaterThan(0)
    // A retry would not help.
    const asked = nodes[1]?.faults.seen("vote").filter(({ fault }) => fault !== undefined)
    expect(asked).toHaveLength(1)
  })

  test("a majority of busy votes is contention: null, or a wait", async () => {
    const { locks, name, nodes } = lab()
    const wanted = name()
    const set = (node: (typeof nodes)[number]) =>
      node.command("SET", `lock:${wanted}`, "a stranger", "PX", "60000")
    await Promise.all(nodes.slice(0, 3).map(set))
    expect(await locks().tryAcquire(wanted)).toBeNull()
    const error = await rejection(locks().acquire(wanted, { wait: 300 }))
    expect(error).toBeInstanceOf(LockTimeoutError)
    // The votes of the others were withdrawn.
    await lab().free(wanted, nodes.slice(3))
    const waiting = locks().acquire(wanted, { wait: "20s" })
    await nodes[0]?.command("DEL", `lock:${wanted}`)
    expect((await waiting).remainingMs).toBeGreaterThan(0)
  })

  test("a majority of busy and failed databases is contention, and a failure if too many fail", async () => {
    const { locks, name, node } = lab()
    const wanted = name()
    await node(0).command("SET", `lock:${wanted}`, "a stranger", "PX", "60000")
    node(1).faults.plan = everything({ kind: "request-lost", by: "reset" })
    node(2).faults.plan = everything({ kind: "request-lost", by: "reset" })
    expect(await locks().tryAcquire(wanted)).toBeNull()
    node(3).faults.plan = everything({ kind: "request-lost", by: "reset" })
    expect(await rejection(locks().tryAcquire(wanted))).toBeInstanceOf(LockBackendError)
  })

  test("a hold cannot be extended or kept for longer than the quarantine, and stays unchanged", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    expect(await rejection(lock.extend("2m"))).toBeInstanceOf(RangeError)
    expect(await rejection(lock.keep("2m"))).toBeInstanceOf(RangeError)
    expect(lock.signal.aborted).toBe(false)
    await lock.keep("1m")
    expect(lock.remainingMs).toBeGreaterThan(50_000)
    expect(await lock.release()).toBe("released")
  })

  test("a hold is lost when a majority has lost it, and not before", async () => {
    const { locks, name, node } = lab()
    const { onEvent, of } = recorder()
    const lock = await locks({ onEvent }).acquire(name())
    await lab().voted(lock)
    const lose = (i: number) => node(i).command("DEL", `lock:${lock.name}`)
    await lose(0)
    await lose(1)
    await lock.extend()
    await lose(2)
    const error = await rejection(lock.extend())
    expect(error).toBeInstanceOf(LockLostError)
    expect(error).toMatchObject({ reason: "deleted" })
    expect(of("lost")).toHaveLength(1)
    expect(
      await rejection(locks().adopt({ name: lock.name, token: lock.token, ttlMs: 1_000 })),
    ).toMatchObject({ reason: "expired" })
  })

  test("a hold whose majority is unreachable lasts until it expires", async () => {
    const { locks, name, nodes } = lab()
    const lock = await locks().acquire(name(), { ttl: "2s", renew: true })
    for (const { faults } of nodes.slice(2)) faults.plan = everything({ kind: "request-lost" })
    expect(await rejection(lock.extend())).toMatchObject({
      name: "LockBackendError",
      phase: "extend",
    })
    expect(lock.signal.aborted).toBe(false)
    expect(await abortion(lock.signal)).toMatchObject({ reason: "unreachable" })
  })

  test("a release needs the replies of a majority, and fails without one", async () => {
    const { locks, name, node, nodes } = lab()
    const wanted = name()
    const manager = locks({ timeout: "1s" })
    const lock = await manager.acquire(wanted)
    await lab().voted(lock)
    for (const { faults } of nodes.slice(2)) faults.plan = everything({ kind: "request-lost" })
    expect(await rejection(lock.release())).toMatchObject({
      name: "LockBackendError",
      phase: "release",
    })
    await node(2).heal()
    expect(await lock.release()).toBe("released")
  })

  test("a release returns the result of the majority", async () => {
    const { locks, name, nodes } = lab()
    const gone = await locks().acquire(name())
    const taken = await locks().acquire(name())
    const mostly = await locks().acquire(name())
    await Promise.all([gone, taken, mostly].map((lock) => lab().voted(lock)))
    for (const [i, node] of nodes.entries()) {
      if (i < 3) await node.command("DEL", `lock:${gone.name}`)
      if (i < 3) await node.command("SET", `lock:${taken.name}`, "a stranger", "PX", "60000")
      if (i < 2) await node.command("DEL", `lock:${mostly.name}`)
    }
    expect(await gone.release()).toBe("gone")
    expect(await taken.release()).toBe("taken")
    expect(await mostly.release()).toBe("released")
  })
}
