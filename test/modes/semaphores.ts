// Semaphores: up to a limit of permits at once, each permit with a life of its own.
import { expect, test } from "vitest"
import type { Lab } from "../contract/lab.js"
import { byHand, enter, expectFree } from "../queue/line.js"
import { rejection, until } from "../support/outcomes.js"
import { sleep } from "../../src/time/timers.js"

export function semaphores(lab: () => Lab): void {
  test("a semaphore grants as many permits as its limit, and no more", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const permits = await Promise.all([1, 2, 3].map(() => locks().semaphore(wanted, 3).acquire()))
    expect(permits.map(({ mode }) => mode)).toEqual(["shared", "shared", "shared"])
    const semaphore = locks().semaphore(wanted, 3)
    expect(await semaphore.tryAcquire()).toBeNull()
    expect(await permits[1]?.release()).toBe("released")
    const again = await semaphore.tryAcquire()
    expect(again).not.toBeNull()
    expect(await semaphore.tryAcquire()).toBeNull()
    for (const permit of [permits[0], permits[2], again]) await permit?.release()
    await expectFree(byHand(lab(), wanted))
  })

  test("permits that are released go to the waiters, first come first served", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const held = await Promise.all([1, 2].map(() => locks().semaphore(wanted, 2).acquire()))
    const order: number[] = []
    const served: Promise<unknown>[] = []
    for (const i of [0, 1, 2, 3]) {
      const { granted } = await enter(locks, wanted, {}, (l) => l.semaphore(wanted, 2).acquire())
      served.push(
        granted.then((permit) => {
          order.push(i)
          return permit.release()
        }),
      )
    }
    expect(await locks().semaphore(wanted, 2).tryAcquire()).toBeNull()
    await held[0]?.release()
    await Promise.all(served)
    expect(order).toEqual([0, 1, 2, 3])
    await held[1]?.release()
    await expectFree(byHand(lab(), wanted))
  })

  test("at most the limit of holders are inside, under any number of callers, and no permit is lost", async () => {
    const { locks, name } = lab()
    const wanted = name()
    let inside = 0
    let most = 0
    const work = async () => {
      await locks()
        .semaphore(wanted, 3)
        .request({ wait: "60s" }, async (permit) => {
          inside++
          most = Math.max(most, inside)
          await sleep(30)
          expect(permit.signal.aborted).toBe(false)
          inside--
        })
    }
    await Promise.all(Array.from({ length: 15 }, work))
    expect(most).toBeLessThanOrEqual(3)
    // They did share: otherwise an exclusive lock would pass.
    expect(most).toBeGreaterThan(1)
    await expectFree(byHand(lab(), wanted))
  })

  test("a permit whose holder died expires with its own ttl; the others keep theirs", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const semaphore = locks().semaphore(wanted, 2)
    const lasting = await semaphore.acquire({ ttl: "60s", renew: false })
    await semaphore.acquire({ ttl: "1500ms", renew: false })
    expect(await semaphore.tryAcquire()).toBeNull()
    const next = await semaphore.acquire({ wait: "10s" })
    expect(await semaphore.tryAcquire()).toBeNull()
    await lasting.extend()
    await next.release()
    await lasting.release()
    await expectFree(byHand(lab(), wanted))
  })

  test("a short ttl never evicts a long one, and a long one never prolongs a short one", async () => {
    const { locks, name, command } = lab()
    const wanted = name()
    const semaphore = locks().semaphore(wanted, 3)
    const ttls = ["60s", "1500ms", "30s"] as const
    const [long, short, middle] = await Promise.all(
      ttls.map((ttl) => semaphore.acquire({ ttl, renew: false })),
    )
    await until(() => short?.signal.aborted === true)
    expect([long, middle].map((permit) => permit?.signal.aborted)).toEqual([false, false])
    const fresh = await semaphore.acquire({ ttl: "5s", renew: false })
    expect(await command("ZCARD", `{lock:${wanted}}:holders`)).toBe(3)
    for (const permit of [long, middle, fresh]) await permit?.extend("60s")
    expect(await short?.release()).toBe("gone")
    for (const permit of [long, middle, fresh]) await permit?.release()
  })

  test("a caller with another limit than the holders gets an error", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const permit = await locks().semaphore(wanted, 5).acquire()
    const other = await rejection(locks().semaphore(wanted, 10).acquire())
    expect(other).toBeInstanceOf(RangeError)
    expect(String(other)).toMatch(/permits: ".*" is in use with 5 permits, got 10 permits/)
    expect(await rejection(locks().acquire(wanted, { mode: "shared" }))).toMatchObject({
      message: expect.stringMatching(/with 5 permits, got none/) as string,
    })
    expect(await locks().tryAcquire(wanted)).toBeNull()
    await permit.release()
    await (await locks().semaphore(wanted, 10).acquire()).release()
    await expectFree(byHand(lab(), wanted))
  })

  test("a semaphore refuses an invalid limit", () => {
    const { locks } = lab()
    for (const permits of [0, -1, 1.5, NaN, Infinity]) {
      expect(() => locks().semaphore("a", permits)).toThrow(/^permits: must be a positive integer/)
    }
    expect(() => locks().semaphore("a", "3" as never)).toThrow(
      /^permits: must be a number, got "3"/,
    )
    expect(() => locks().semaphore(undefined as never, 3)).toThrow(/^name: must be a string/)
  })

  test("request calls back with null if no permit is available at once", async () => {
    const { locks, name } = lab()
    const semaphore = locks().semaphore(name(), 1)
    await semaphore.request(async (permit) => {
      expect(permit.mode).toBe("shared")
      const got = await semaphore.request({ ifAvailable: true }, (other) => other)
      expect(got).toBeNull()
    })
    await expectFree(byHand(lab(), semaphore.name))
  })

  test("an exclusive lock of the same name waits until all permits are released", async () => {
    const { locks, name } = lab()
    const semaphore = locks().semaphore(name(), 2)
    const permits = [await semaphore.acquire(), await semaphore.acquire()]
    const writer = await enter(locks, semaphore.name)
    await permits[0]?.release()
    expect(await semaphore.tryAcquire()).toBeNull()
    await permits[1]?.release()
    const lock = await writer.granted
    expect(await semaphore.tryAcquire()).toBeNull()
    await lock.release()
    await expectFree(byHand(lab(), semaphore.name))
  })
}
