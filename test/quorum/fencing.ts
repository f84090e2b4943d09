// Fencing tokens of a quorum: each is above all earlier ones, although no single database has seen them all.
import { expect, test } from "vitest"
import { everything } from "../support/fault-proxy.js"
import { rejection, until } from "../support/outcomes.js"
import type { QuorumLab } from "../support/quorum-lab.js"

export function fencing(lab: () => QuorumLab): void {
  const counters = (name: string) =>
    Promise.all(lab().nodes.map((node) => node.command("GET", `{lock:${name}}:fence`)))

  test("a majority has noted the fencing token before it is returned", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name(), { fencing: true })
    const noted = (await counters(lock.name)).filter((value) => value === String(lock.fencingToken))
    expect(noted.length).toBeGreaterThanOrEqual(3)
  })

  test("fencing tokens rise strictly while two other databases of five are unreachable for each grant", async () => {
    const { locks, name, nodes } = lab()
    const wanted = name()
    // Ahead of all clocks, so that the counters decide.
    await nodes[0]?.command("SET", `{lock:${wanted}}:fence`, String(2 ** 52))
    await nodes[1]?.command("SET", `{lock:${wanted}}:fence`, String(2 ** 52))
    await nodes[2]?.command("SET", `{lock:${wanted}}:fence`, String(2 ** 52))
    let last = 2 ** 52
    for (let grant = 0; grant < 15; grant++) {
      for (const [i, { faults }] of nodes.entries()) {
        const isOut = i === grant % 5 || i === (grant * 2 + 1) % 5
        faults.plan = isOut ? everything({ kind: "request-lost", by: "reset" }) : () => undefined
      }
      const lock = await locks().acquire(wanted, { fencing: true })
      expect(lock.fencingToken).toBeGreaterThan(last)
      last = lock.fencingToken
      await lock.release()
    }
  })

  test("a fencing token that only a minority could note is not returned, and its votes are withdrawn", async () => {
    const { locks, name, nodes } = lab()
    const wanted = name()
    for (const { faults } of nodes.slice(0, 3)) {
      faults.plan = ({ operations }) =>
        operations.includes("fence") ? { kind: "request-lost", by: "reset" } : undefined
    }
    const error = await rejection(locks().acquire(wanted, { fencing: true }))
    expect(error).toMatchObject({ name: "LockBackendError", phase: "acquire" })
    await lab().free(wanted)
  })

  test("fencing tokens rise although the counters of two databases are lost with their memory", async () => {
    const { locks, name, nodes } = lab()
    const wanted = name()
    let last = 0
    for (let grant = 0; grant < 10; grant++) {
      const lock = await locks({ quarantine: false }).acquire(wanted, { fencing: true })
      expect(lock.fencingToken).toBeGreaterThan(last)
      last = lock.fencingToken
      await lock.release()
      await nodes[grant % 5]?.flush()
      await nodes[(grant + 2) % 5]?.flush()
    }
  })

  test("a fencing token is noted only by a database that still has our vote", async () => {
    const { locks, name, nodes } = lab()
    const wanted = name()
    for (const { faults } of nodes) {
      faults.plan = ({ operations }) =>
        operations.includes("fence") ? { kind: "request-delayed", ms: 600 } : undefined
    }
    const trying = locks().tryAcquire(wanted, { fencing: true })
    await until(() => nodes.every(({ faults }) => faults.seen("fence").length === 1))
    for (const node of nodes) {
      node.faults.plan = () => undefined
      await node.command("SET", `lock:${wanted}`, "a stranger", "PX", "60000")
    }
    await Promise.all(nodes.map(({ faults }) => faults.settled()))
    expect(await counters(wanted)).toEqual(Array(5).fill(null))
    // The next attempt was refused.
    expect(await trying).toBeNull()
  })
}
