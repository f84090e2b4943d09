// The contract of a release: its three results, its failures, its repetitions.
import { expect, test } from "vitest"
import { LockBackendError } from "../../src/index.js"
import { always, inOrder, nothing } from "../support/fault-proxy.js"
import { recorder, rejection, until } from "../support/outcomes.js"
import { holdAsStranger, type Lab } from "./lab.js"

export function releasing(lab: () => Lab): void {
  test("a released lock is free", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name())
    expect(await lock.release()).toBe("released")
    expect(await command("EXISTS", `lock:${lock.name}`)).toBe(0)
    expect(await locks().tryAcquire(lock.name)).not.toBeNull()
  })

  test("a release returns gone if the lock is no longer held", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name())
    await command("DEL", `lock:${lock.name}`)
    expect(await lock.release()).toBe("gone")
  })

  test("a release returns taken if another caller holds the lock, and leaves it to them", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name())
    const value = await holdAsStranger(lab(), lock.name, 30_000)
    expect(await lock.release()).toBe("taken")
    expect(await command("GET", `lock:${lock.name}`)).toBe(value)
  })

  test("a lock is released once: further calls send nothing and return the same result", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const lock = await locks({ keyLocking: false }).acquire(name())
    const both = await Promise.all([lock.release(), lock.release()])
    expect([...both, await lock.release()]).toEqual(["released", "released", "released"])
    await lock[Symbol.asyncDispose]()
    expect(proxy.seen("release")).toHaveLength(1)
  })

  test("a second release never frees the next holder's lock", async () => {
    const { locks, command, name } = lab()
    const first = await locks().acquire(name())
    await first.release()
    const second = await locks().acquire(first.name)
    expect(await first.release()).toBe("released")
    await first[Symbol.asyncDispose]()
    expect(await command("GET", `lock:${first.name}`)).toBe(second.token)
  })

  test("a released lock cannot be extended, kept or transferred", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    await lock.release()
    const lost = { name: "LockLostError", code: "lost", reason: "released", lockName: lock.name }
    expect(await rejection(lock.extend())).toMatchObject(lost)
    expect(await rejection(lock.keep("1m"))).toMatchObject(lost)
    expect(() => lock.transfer()).toThrow(expect.objectContaining(lost))
    expect(lock.remainingMs).toBe(0)
  })

  test("the signal of a lock does not abort when the lock is released", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name(), { ttl: 1_000, renew: false })
    await lock.release()
    await new Promise((resolve) => setTimeout(resolve, 1_050))
    expect(lock.signal.aborted).toBe(false)
  })

  test("a release whose reply was lost is sent again, and returns released", async () => {
    const { proxied, command, name } = lab()
    const { proxy, locks } = await proxied()
    const { onEvent, of } = recorder()
    const lock = await locks({ onEvent, keyLocking: false }).acquire(name())
    proxy.plan = inOrder("release", { kind: "truncated", framing: "broken" })
    expect(await lock.release()).toBe("released")
    expect(proxy.seen("release").map(({ answers }) => answers.length)).toEqual([1, 1])
    expect(of("released")).toMatchObject([{ result: "released" }])
    expect(await command("EXISTS", `lock:${lock.name}`)).toBe(0)
  })

  test("an explicit release that fails rejects, and may be called again", async () => {
    const { proxied, command, name } = lab()
    const { proxy, locks } = await proxied()
    const { onEvent, of } = recorder()
    const lock = await locks({ onEvent, timeout: "1s" }).acquire(name())
    proxy.plan = always("release", {
      kind: "replaced",
      executed: false,
      status: 502,
      body: "<html>",
    })
    const error = await rejection(lock.release())
    expect(error).toBeInstanceOf(LockBackendError)
    expect(error).toMatchObject({ code: "backend", phase: "release", lockName: lock.name })
    expect(of("release-failed")).toEqual([{ type: "release-failed", name: lock.name, error }])
    expect(await command("GET", `lock:${lock.name}`)).toBe(lock.token)
    proxy.plan = nothing
    expect(await lock.release()).toBe("released")
    expect(await command("EXISTS", `lock:${lock.name}`)).toBe(0)
  })

  test("a release during a renewal is not overtaken by the renewal", async () => {
    const { proxied, command, name } = lab()
    const { proxy, locks } = await proxied()
    const { onEvent, events } = recorder()
    const lock = await locks({ onEvent }).acquire(name(), { ttl: 3_000, renew: true })
    proxy.plan = always("extend", { kind: "reply-delayed", ms: 100 })
    await until(() => proxy.seen("extend").length === 1)
    expect(await lock.release()).toBe("released")
    await proxy.settled()
    expect(await command("EXISTS", `lock:${lock.name}`)).toBe(0)
    expect(lock.signal.aborted).toBe(false)
    expect(events.map(({ type }) => type)).toEqual(["granted", "released"])
  })

  test("the end of a scope releases the lock", async () => {
    const { locks, command, name } = lab()
    const wanted = name()
    {
      await using lock = await locks().acquire(wanted)
      expect(await command("GET", `lock:${wanted}`)).toBe(lock.token)
    }
    expect(await command("EXISTS", `lock:${wanted}`)).toBe(0)
  })

  test("the end of a scope does nothing if the lock was not granted", async () => {
    const { locks, name } = lab()
    const held = await locks().acquire(name())
    {
      await using lock = await locks().tryAcquire(held.name)
      expect(lock).toBeNull()
    }
    expect(await held.release()).toBe("released")
  })

  test("a scope ends normally although its release fails, and the release is retried in the background", async () => {
    const { proxied, command, name } = lab()
    const { proxy, locks } = await proxied()
    const lock = await locks().acquire(name())
    const lost = { kind: "truncated", framing: "intact" } as const
    proxy.plan = inOrder(
      "release",
      { kind: "replaced", executed: false, status: 502, body: "" },
      lost,
    )
    await lock[Symbol.asyncDispose]()
    await lock[Symbol.asyncDispose]()
    await until(async () => (await command("EXISTS", `lock:${lock.name}`)) === 0)
  })

  test("a scope's release that never succeeds is reported when the hold expires", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const { onEvent, of } = recorder()
    const lock = await locks({ onEvent }).acquire(name(), { ttl: 1_500, renew: false })
    proxy.plan = always("release", { kind: "replaced", executed: false, status: 502, body: "" })
    await lock[Symbol.asyncDispose]()
    expect(of("release-failed")).toEqual([])
    await until(() => of("release-failed").length === 1)
    expect(of("release-failed")[0]?.error).toMatchObject({ code: "backend", phase: "release" })
    expect(of("lost")).toEqual([])
  })
}
