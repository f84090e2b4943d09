// Steal: the new holder has the lock at once, the previous holders find out at their next request, and the queue stays.
import { expect, test } from "vitest"
import * as scripts from "../../src/redis/lua/scripts.js"
import { createToken } from "../../src/values/token.js"
import { holdAsStranger, type Lab } from "../contract/lab.js"
import {
  byHand,
  enter,
  expectBounded,
  expectFree,
  LONGEST_POLL_MS,
  msUntil,
  SLACK_MS,
} from "../queue/line.js"
import { abortion, recorder, rejection } from "../support/outcomes.js"

const stolen = { name: "AbortError", code: "lost", reason: "stolen" }

export function stealing(lab: () => Lab): void {
  test("a steal takes the lock at once, and the previous holder learns of it at its next request", async () => {
    const { locks, command, name } = lab()
    const previous = await locks().acquire(name())
    await locks().request(previous.name, { steal: true }, async (lock) => {
      expect(await command("GET", `lock:${previous.name}`)).toBe(lock.token)
      expect(previous.signal.aborted).toBe(false)
      expect(await rejection(previous.extend())).toMatchObject(stolen)
      expect(previous.signal.reason).toMatchObject(stolen)
      expect(await previous.release()).toBe("taken")
      expect(await command("GET", `lock:${previous.name}`)).toBe(lock.token)
    })
    await expectFree(byHand(lab(), previous.name))
    await expectBounded(byHand(lab(), previous.name))
  })

  test("a steal and a forced release begin and end one hold each, and end the one before them once", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const [before, after] = [recorder(), recorder()]
    const previous = await locks(before).acquire(wanted)
    await locks(after).request(wanted, { steal: true }, () => undefined)
    await rejection(previous.extend())
    await previous.release()
    await locks(after).forceRelease(wanted)
    const types = ({ events }: typeof before) => events.map(({ type }) => type)
    expect(types(before)).toEqual(["granted", "lost"])
    expect(types(after)).toEqual(["granted", "released", "granted", "released"])
  })

  test("the request whose lock was stolen rejects with AbortError at its next renewal", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const { onEvent, of } = recorder()
    let signal: AbortSignal | undefined
    const previous = locks({ onEvent }).request(wanted, { ttl: "3s" }, (lock) => {
      signal = lock.signal
      return abortion(lock.signal)
    })
    await expect.poll(() => signal).toBeDefined()
    await locks().request(wanted, { steal: true }, () => "stolen")
    expect(await rejection(previous)).toMatchObject(stolen)
    expect(of("lost")).toMatchObject([{ reason: "stolen" }])
  })

  test("the queue survives a steal: the waiter gets the lock after the new holder", async () => {
    const { locks, name } = lab()
    const previous = await locks().acquire(name())
    const waiter = await enter(locks, previous.name)
    await locks().request(previous.name, { steal: true }, async () => {
      expect(await byHand(lab(), previous.name).waiters()).toHaveLength(1)
      expect(await byHand(lab(), previous.name).value()).toMatch(/\+$/)
    })
    const releasedAt = performance.now()
    expect(await msUntil(waiter.granted, releasedAt)).toBeLessThan(LONGEST_POLL_MS + SLACK_MS)
    await (await waiter.granted).release()
    await expectFree(byHand(lab(), previous.name))
  })

  test("a steal ends the holds of all sharers", async () => {
    const { locks, name } = lab()
    const readers = [
      await locks().acquire(name(), { mode: "shared" }),
      await locks().acquire("", { mode: "shared" }),
    ]
    await readers[1]?.release()
    const wanted = readers[0]?.name ?? ""
    readers[1] = await locks().acquire(wanted, { mode: "shared" })
    await locks().request(wanted, { steal: true, fencing: true }, async (lock) => {
      expect(lock.fencingToken).toBeGreaterThan(0)
      for (const reader of readers) expect(await rejection(reader.extend())).toMatchObject(stolen)
    })
    await expectFree(byHand(lab(), wanted))
  })

  test("a steal acquires a free lock with one request", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const wanted = name()
    await locks({ keyLocking: false }).request(wanted, { steal: true }, () => {
      expect(proxy.log).toHaveLength(1)
    })
  })

  test("a foreign lock can be stolen as well", async () => {
    const { locks, command, name } = lab()
    const wanted = name()
    await holdAsStranger(lab(), wanted)
    await locks().request(wanted, { steal: true }, async (lock) => {
      expect(await command("GET", `lock:${wanted}`)).toBe(lock.token)
      expect(Number(await command("PTTL", `lock:${wanted}`))).toBeGreaterThan(0)
    })
    await expectBounded(byHand(lab(), wanted))
  })

  test("a duplicate of a steal that arrives late takes the lock from no one else", async () => {
    const { locks, command, name } = lab()
    const previous = await locks().acquire(name())
    const hand = byHand(lab(), previous.name)
    const steal = (token: string, found: string) =>
      command("EVAL", scripts.steal, "6", ...hand.keys, token, "30000", found, "0") as Promise<
        [string, number, string]
      >
    const newToken = createToken("stealer")
    const [, , digest] = await steal(newToken, "")
    expect((await steal(newToken, digest))[0]).toBe("granted")
    await hand.release(newToken)
    const next = await locks().acquire(previous.name)
    expect((await steal(newToken, digest))[0]).toBe("held")
    expect(await command("GET", hand.key("lock"))).toBe(next.token)
    await next.release()
  })

  test("the reply of a steal does not contain the holder's token", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name())
    const { keys } = byHand(lab(), lock.name)
    const reply = await command("EVAL", scripts.steal, "6", ...keys, "fl_a_b", "30000", "", "0")
    expect(JSON.stringify(reply)).not.toContain(lock.token)
    await lock.release()
  })

  test("a stolen lock is exclusive, whatever the manager's default, and a permit cannot be stolen", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const manager = locks({ mode: "shared" })
    await manager.request(wanted, { steal: true }, async (lock) => {
      expect(lock.mode).toBe("exclusive")
      expect(await locks().tryAcquire(wanted, { mode: "shared" })).toBeNull()
    })
    const semaphore = locks().semaphore(wanted, 2)
    const options: object = { steal: true }
    const refused = semaphore.request(options, () => undefined)
    expect(await rejection(refused)).toMatchObject({ name: "NotSupportedError" })
  })

  test("forceRelease ends a hold and serves the waiters", async () => {
    const { locks, name } = lab()
    const stuck = await locks().acquire(name(), { ttl: "1h" })
    const waiter = await enter(locks, stuck.name)
    await locks().forceRelease(stuck.name)
    await (await waiter.granted).release()
    expect(await rejection(stuck.extend())).toMatchObject(stolen)
    await expectFree(byHand(lab(), stuck.name))
    await locks().forceRelease(stuck.name)
    await expectFree(byHand(lab(), stuck.name))
  })
}
