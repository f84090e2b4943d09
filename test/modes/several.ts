// Several locks at once: all or nothing, in any order of names.
import { expect, test } from "vitest"
import { LockTimeoutError } from "../../src/index.js"
import { sleep } from "../../src/time/timers.js"
import type { Lab } from "../contract/lab.js"
import { byHand, enter, expectFree } from "../queue/line.js"
import { nothing } from "../support/fault-proxy.js"
import { abortion, rejection, until } from "../support/outcomes.js"

export function several(lab: () => Lab): void {
  const names = (count: number) => Array.from({ length: count }, () => lab().name()).reverse()
  const free = async (wanted: readonly string[]) => {
    for (const name of wanted) await expectFree(byHand(lab(), name))
  }

  test("free locks are acquired together, with one command each, and returned in the order of the names", async () => {
    const { proxied } = lab()
    const { proxy, locks } = await proxied()
    const wanted = names(3)
    const group = await locks({ keyLocking: false }).acquireAll(wanted)
    expect(proxy.log.flatMap(({ operations }) => operations)).toEqual(["claim", "claim", "claim"])
    expect(group.locks.map(({ name }) => name)).toEqual(wanted)
    expect(await group.release()).toEqual(["released", "released", "released"])
    await free(wanted)
  })

  test("a held lock is waited for, and no other caller holds any of the locks meanwhile", async () => {
    const { locks } = lab()
    const wanted = names(3)
    const [middle = ""] = [...wanted].sort().slice(1)
    const lock = await locks().acquire(middle)
    const all = locks().acquireAll(wanted, { wait: "20s", ttl: "20s", renew: false })
    const hand = byHand(lab(), middle)
    await until(async () => ((await hand.waiters()) as unknown[]).length === 1)
    const [first = "", , last = ""] = [...wanted].sort()
    expect(await locks().tryAcquire(first)).toBeNull()
    // The locks behind the one that is waited for are released.
    await until(async () => (await locks().tryAcquire(last)) !== null)
    await byHand(lab(), last)
      .value()
      .then((value) => byHand(lab(), last).release(String(value)))
    await lock.release()
    const group = await all
    expect(group.remainingMs).toBeGreaterThan(10_000)
    await group.release()
    await free(wanted)
  })

  test("callers that name the locks in different orders do not deadlock", async () => {
    const { locks } = lab()
    const [a = "", b = "", c = ""] = names(3)
    const orders = [
      [a, b, c],
      [c, b, a],
      [b, c, a],
      [c, a, b],
      [b, a],
      [c, b],
    ]
    const inside = new Set<string>()
    const work = async (order: string[]) => {
      await using group = await locks().acquireAll(order, { wait: "60s" })
      for (const name of order) {
        expect(inside.has(name), `${name} is held twice`).toBe(false)
        inside.add(name)
      }
      await sleep(20)
      expect(group.signal.aborted).toBe(false)
      for (const name of order) inside.delete(name)
    }
    await Promise.all(orders.map(work))
    await free([a, b, c])
  })

  test("no lock is held after a timeout", async () => {
    const { locks } = lab()
    const wanted = names(3)
    const lock = await locks().acquire([...wanted].sort()[2] ?? "")
    const failed = locks().acquireAll(wanted, { wait: 400 })
    expect(await rejection(failed)).toBeInstanceOf(LockTimeoutError)
    await lock.release()
    await free(wanted)
    const refused = locks().acquireAll(wanted, { wait: 0 })
    await (await refused).release()
    await free(wanted)
  })

  test("an abort releases every lock, including those behind the one that is waited for", async () => {
    const { locks } = lab()
    const wanted = names(3)
    const lock = await locks().acquire([...wanted].sort()[1] ?? "")
    const controller = new AbortController()
    const { signal } = controller
    const waiting = rejection(locks().acquireAll(wanted, { wait: "30s", signal }))
    await until(async () => {
      const waiters = await byHand(lab(), lock.name).waiters()
      return (waiters as unknown[]).length === 1
    })
    controller.abort("enough")
    expect(await waiting).toBe("enough")
    // At once: a caller whose call was rejected may be gone in a moment.
    for (const name of wanted) {
      if (name !== lock.name) expect(await byHand(lab(), name).value()).toBeNull()
    }
    await lock.release()
    await free(wanted)
  })

  test("locks that are already held are renewed during the wait, and not afterwards", async () => {
    const { locks } = lab()
    const wanted = names(2)
    const lock = await locks().acquire([...wanted].sort()[1] ?? "")
    const all = locks().acquireAll(wanted, { wait: "30s", ttl: "2s", renew: false })
    await sleep(3_000)
    await lock.release()
    const group = await all
    expect(group.remainingMs).toBeGreaterThan(0)
    expect(await abortion(group.signal)).toMatchObject({ code: "lost", reason: "expired" })
    expect(group.remainingMs).toBe(0)
  })

  test("a lock that is lost during the wait ends the call", async () => {
    const { locks, command } = lab()
    const wanted = names(2)
    const [first = "", second = ""] = [...wanted].sort()
    await locks().acquire(second)
    const waiting = rejection(locks().acquireAll(wanted, { wait: "30s", ttl: "3s", renew: false }))
    await until(async () => (await byHand(lab(), first).value()) !== null)
    await until(async () => ((await byHand(lab(), second).waiters()) as unknown[]).length === 1)
    await command("DEL", `lock:${first}`)
    expect(await waiting).toMatchObject({ code: "lost", lockName: first })
    await until(async () => ((await byHand(lab(), second).waiters()) as unknown[]).length === 0)
  })

  test("if one lock cannot be acquired, the others are released", async () => {
    const { proxied } = lab()
    const { proxy, locks } = await proxied()
    const wanted = names(3)
    const body = '{"error":"ERR no"}'
    proxy.plan = ({ commands }) =>
      commands.some((command) => command[3] === `lock:${wanted[1] ?? ""}`)
        ? { kind: "replaced", executed: false, status: 400, body }
        : undefined
    const failed = locks({ keyLocking: false }).acquireAll(wanted)
    expect(await rejection(failed)).toMatchObject({ code: "backend" })
    proxy.plan = nothing
    await free(wanted)
  })

  test("a single waiter is served in between: a group has no priority in the queue", async () => {
    const { locks } = lab()
    const wanted = names(2)
    const [first = "", second = ""] = [...wanted].sort()
    const lock = await locks().acquire(second)
    const group = locks().acquireAll(wanted, { wait: "30s" })
    await until(async () => ((await byHand(lab(), second).waiters()) as unknown[]).length === 1)
    const behind = await enter(locks, first)
    await lock.release()
    await (await group).release()
    await (await behind.granted).release()
    await free(wanted)
  })

  test("a list that is changed during the wait has no effect on the call", async () => {
    const { locks } = lab()
    const wanted = names(2)
    const lock = await locks().acquire([...wanted].sort()[1] ?? "")
    const given = [...wanted]
    const all = locks().acquireAll(given, { wait: "20s" })
    given.pop()
    await lock.release()
    const group = await all
    expect(group.locks.map(({ name }) => name)).toEqual(wanted)
    await group.release()
    await free(wanted)
  })

  test("invalid lists of names are refused", async () => {
    const { locks } = lab()
    const refusal = async (list: unknown) => rejection(locks().acquireAll(list as string[]))
    expect(String(await refusal([]))).toMatch(/RangeError: names: must not be empty/)
    expect(String(await refusal(["a", "b", "a"]))).toMatch(/RangeError: names: .*got "a" twice/)
    expect(String(await refusal("ab"))).toMatch(/TypeError: names: must be an array of names/)
    expect(String(await refusal(["a", 7]))).toMatch(/TypeError: name: must be a string, got 7/)
  })
}
