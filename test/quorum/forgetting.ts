// Databases that lose their memory: they must not vote until every hold that they may have forgotten is over.
import { expect, test } from "vitest"
import { QuorumError, quorum } from "../../src/quorum/index.js"
import { everything } from "../support/fault-proxy.js"
import { rejection, until } from "../support/outcomes.js"
import type { QuorumLab } from "../support/quorum-lab.js"

const BORN = "{fetchlock}:born"

export function forgetting(lab: () => QuorumLab): void {
  /** A hold by the votes of the first three, of which the third then forgets its own. */
  async function heldByTwoAndOneThatForgot(ttl: number) {
    const { locks, name, nodes, node } = lab()
    const out = nodes.slice(3)
    for (const { faults } of out) faults.plan = everything({ kind: "request-lost", by: "reset" })
    const lock = await locks({ quarantine: "10s", ttl }).acquire(name())
    for (const { faults } of out) faults.plan = () => undefined
    await node(2).kill()
    await node(2).restart()
    return lock
  }

  test("a database that was restarted empty does not give a second holder a majority", async () => {
    const { locks } = lab()
    const lock = await heldByTwoAndOneThatForgot(8_000)
    const manager = locks({ quarantine: "10s", ttl: "8s" })
    // Two votes are available, and the third is not.
    expect(await manager.tryAcquire(lock.name)).toBeNull()
    expect(lock.remainingMs).toBeGreaterThan(0)
  })

  test("without the quarantine two callers hold the lock after such a restart", async () => {
    const { locks } = lab()
    const lock = await heldByTwoAndOneThatForgot(10_000)
    const second = await locks({ quarantine: false }).tryAcquire(lock.name)
    expect(second).not.toBeNull()
    expect(lock.remainingMs).toBeGreaterThan(0)
    expect(second?.remainingMs).toBeGreaterThan(0)
  })

  test("a restarted database votes again when the longest ttl has passed", async () => {
    const { locks, nodes, name } = lab()
    await Promise.all(nodes.slice(0, 3).map((node) => node.flush()))
    const settings = { quarantine: 1_500, ttl: 1_000 } as const
    const manager = locks(settings)
    const error = await rejection(manager.tryAcquire(name()))
    expect(error).toMatchObject({ name: "LockBackendError", phase: "acquire" })
    const { cause } = error as { cause?: unknown }
    expect(cause).toBeInstanceOf(QuorumError)
    expect((cause as QuorumError).failures.map(({ reason }) => reason.message)).toEqual(
      Array(3).fill(expect.stringMatching(/lost its memory: does not vote for another [12] s/)),
    )
    const sentAt = performance.now()
    await until(async () => (await manager.tryAcquire(name()).catch(() => null)) !== null)
    expect(performance.now() - sentAt).toBeGreaterThan(900)
  })

  test("a new quorum grants no locks until the quarantine is over, or until it is started", async () => {
    const { locks, nodes, name } = lab()
    await Promise.all(nodes.map((node) => node.flush()))
    expect(await rejection(locks().tryAcquire(name()))).toMatchObject({ code: "backend" })
    await quorum(nodes.map(({ direct }) => direct)).start()
    expect(await locks().tryAcquire(name())).not.toBeNull()
  })

  test("a start that does not reach every database fails, and names the unreachable ones", async () => {
    const { nodes, node } = lab()
    node(1).faults.plan = everything({ kind: "request-lost", by: "reset" })
    const error = await rejection(quorum(nodes.map(({ proxied }) => proxied)).start())
    expect(error).toBeInstanceOf(QuorumError)
    expect((error as QuorumError).failures.map(({ database }) => database)).toEqual([1])
  })

  test("the start of a database's memory is noted once, and never expires", async () => {
    const { locks, name, node } = lab()
    await node(0).flush()
    await locks().acquire(name())
    await until(async () => (await node(0).command("EXISTS", BORN)) === 1)
    const born = await node(0).command("GET", BORN)
    expect(await node(0).command("PTTL", BORN)).toBe(-1)
    await locks().acquire(name())
    expect(await node(0).command("GET", BORN)).toBe(born)
  })

  test("a clock that was set back restarts the quarantine, and does not make it endless", async () => {
    const { locks, name, node } = lab()
    const future = Date.now() + 86_400_000
    await node(0).command("SET", BORN, String(future))
    await locks().acquire(name())
    await until(async () => Number(await node(0).command("GET", BORN)) < future)
  })
}
