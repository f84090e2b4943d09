// The contract of fencing tokens: they rise even if data is lost.
import { expect, test } from "vitest"
import { inOrder } from "../support/fault-proxy.js"
import type { Lab } from "./lab.js"

export function fencing(lab: () => Lab): void {
  test("fencing tokens rise strictly from holder to holder", async () => {
    const { locks, name } = lab()
    const wanted = name()
    let last = 0
    for (let i = 0; i < 20; i++) {
      const lock = await locks().acquire(wanted, { fencing: true })
      expect(lock.fencingToken).toBeGreaterThan(last)
      expect(lock.fencingToken).toBeLessThan(2 ** 53)
      last = lock.fencingToken
      await lock.release()
    }
  })

  test("fencing tokens rise although their counter is lost", async () => {
    const { locks, command, name } = lab()
    const first = await locks().acquire(name(), { fencing: true })
    await first.release()
    expect(await command("DEL", `{lock:${first.name}}:fence`)).toBe(1)
    const second = await locks().acquire(first.name, { fencing: true })
    expect(second.fencingToken).toBeGreaterThan(first.fencingToken)
  })

  test("fencing tokens rise although the database lost everything", async () => {
    const { variant, name } = lab()
    const own = await variant.open()
    try {
      const first = await own.locks().acquire(name(), { fencing: true })
      await own.command("FLUSHALL")
      const second = await own.locks().acquire(first.name, { fencing: true })
      expect(second.fencingToken).toBeGreaterThan(first.fencingToken)
    } finally {
      await own.close()
    }
  })

  test("fencing tokens rise above a token that is ahead of the server's clock", async () => {
    const { locks, command, name } = lab()
    const wanted = name()
    const ahead = 2 ** 52
    await command("SET", `{lock:${wanted}}:fence`, String(ahead), "PX", "60000")
    const lock = await locks().acquire(wanted, { fencing: true })
    expect(lock.fencingToken).toBe(ahead + 1)
  })

  test("a fencing token's counter does not live forever", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name(), { fencing: true })
    const left = Number(await command("PTTL", `{lock:${lock.name}}:fence`))
    expect(left).toBeGreaterThan(86_000_000)
    expect(left).toBeLessThanOrEqual(86_400_000)
  })

  test("a grant that is requested again keeps its fencing token", async () => {
    const { proxied, command, name } = lab()
    const { proxy, locks } = await proxied()
    proxy.plan = inOrder("acquire", { kind: "truncated", framing: "broken" })
    const lock = await locks({ keyLocking: false }).acquire(name(), { fencing: true })
    expect(proxy.seen("acquire")).toHaveLength(2)
    expect(await command("GET", `{lock:${lock.name}}:fence`)).toBe(String(lock.fencingToken))
    expect(await command("GET", `lock:${lock.name}`)).toBe(lock.token)
  })

  test("a caller that asks for no fencing token gets none and mints none", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name())
    expect(lock.fencingToken).toBeUndefined()
    expect(await command("EXISTS", `{lock:${lock.name}}:fence`)).toBe(0)
  })

  test("a refused try mints no fencing token", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name())
    expect(await locks().tryAcquire(lock.name, { fencing: true })).toBeNull()
    expect(await command("EXISTS", `{lock:${lock.name}}:fence`)).toBe(0)
  })
}
