// query(): holders and waiters, in the form of the Web Locks standard.
import { expect, test } from "vitest"
import { holdAsStranger, type Lab } from "../contract/lab.js"
import { enter, type MakeManager } from "../queue/line.js"
import { rejection } from "../support/outcomes.js"

const A_NUMBER = expect.any(Number) as number

export function querying(lab: () => Lab): void {
  test("query lists a lock's holder and its waiters, in the order of the queue", async () => {
    const { locks, command, name } = lab()
    const lock = await locks({ clientId: "holder" }).acquire(name(), { ttl: "20s" })
    const writer = await enter(locks, lock.name, { clientId: "writer_1" })
    const reader = await enter(locks, lock.name, { clientId: "reader-2", mode: "shared" })
    const snapshot = await locks().query({ name: lock.name })
    const [seconds] = (await command("TIME")) as string[]
    expect(snapshot).toEqual({
      held: [{ name: lock.name, mode: "exclusive", clientId: "holder", remainingMs: A_NUMBER }],
      pending: [
        { name: lock.name, mode: "exclusive", clientId: "writer_1", sinceMs: A_NUMBER },
        { name: lock.name, mode: "shared", clientId: "reader-2", sinceMs: A_NUMBER },
      ],
      isComplete: true,
    })
    expect(snapshot.held[0]?.remainingMs).toBeGreaterThan(10_000)
    expect(snapshot.held[0]?.remainingMs).toBeLessThanOrEqual(20_000)
    for (const { sinceMs } of snapshot.pending) {
      expect(Math.abs(sinceMs - Number(seconds) * 1_000)).toBeLessThan(30_000)
    }
    expect(JSON.stringify(snapshot)).not.toContain(lock.token)
    await lock.release()
    await (await writer.granted).release()
    await (await reader.granted).release()
    expect(await locks().query({ name: lock.name })).toEqual({
      held: [],
      pending: [],
      isComplete: true,
    })
  })

  test("query lists all sharers of a lock, except expired ones", async () => {
    const { locks, command, name } = lab()
    const semaphore = locks({ clientId: "one" }).semaphore(name(), 3)
    const first = await semaphore.acquire()
    const second = await locks({ clientId: "two" }).semaphore(semaphore.name, 3).acquire()
    const over = await semaphore.acquire()
    await command("ZADD", `{lock:${over.name}}:holders`, "1", over.token)
    const { held } = await locks().query({ name: semaphore.name })
    expect((await locks().query({ name: semaphore.name, limit: 1 })).isComplete).toBe(false)
    expect(held.map(({ clientId, mode }) => [clientId, mode]).sort()).toEqual([
      ["one", "shared"],
      ["two", "shared"],
    ])
    await first.release()
    await second.release()
  })

  test("query identifies a client by its id, for any token", async () => {
    const { locks, command, name } = lab()
    const wanted = name()
    for (const random of ["_bcdefghijklmnopqrstuvwx", "a_cdefghijklmnopqrstuvw_", "-".repeat(24)]) {
      for (const mark of ["", "+"]) {
        await command("SET", `lock:${wanted}`, `fl_a_b_${random}${mark}`, "PX", "30000")
        const { held } = await locks().query({ name: wanted })
        expect(held).toMatchObject([{ clientId: "a_b" }])
      }
    }
  })

  test("query lists a foreign hold without a client", async () => {
    const { locks, name } = lab()
    const wanted = name()
    await holdAsStranger(lab(), wanted)
    const { held } = await locks().query({ name: wanted })
    expect(held).toEqual([{ name: wanted, mode: "exclusive", clientId: "", remainingMs: Infinity }])
  })

  test("query lists all locks under a prefix, and nothing else", async () => {
    const { locks, command, name } = lab()
    const prefix = `app[1]*${name()}:`
    const make: MakeManager = (options) => locks({ prefix, clientId: "me", ...options })
    const names = Array.from({ length: 120 }, (_, i) => `n-${String(i)}`)
    const held = await Promise.all(names.map((wanted) => make().acquire(wanted)))
    await make().acquire("", { mode: "shared" })
    const waiter = await enter(make, "n-7")
    await command("SET", `${prefix.replace("[1]", "1")}other`, "x")
    await command("RPUSH", `${prefix}list`, "x")
    const snapshot = await make().query()
    expect(snapshot.held.map((info) => info.name).sort()).toEqual(["", ...names].sort())
    expect(snapshot.pending).toMatchObject([{ name: "n-7", clientId: "me" }])
    expect(snapshot.isComplete).toBe(true)
    const some = await make().query({ limit: 10 })
    // The list is among the ten keys that it inspects, or not.
    expect([9, 10]).toContain(some.held.length)
    expect(some.isComplete).toBe(false)
    await Promise.all(held.map((lock) => lock.release()))
    await (await waiter.granted).release()
  })

  test("query refuses invalid options", async () => {
    const { locks } = lab()
    const refusal = async (options: unknown) =>
      String(await rejection(locks().query(options as object)))
    expect(await refusal({ limit: 0 })).toMatch(/RangeError: limit: must be a positive integer/)
    expect(await refusal({ limit: "5" })).toMatch(/TypeError: limit: must be a number, got "5"/)
    expect(await refusal({ name: 5 })).toMatch(/TypeError: name: must be a string, got 5/)
    expect(await refusal(5)).toMatch(/TypeError: options: must be an object/)
  })
}
