// What `watch` promises: a hold is notified at once when it is stolen, and no hold that does not watch pays for it.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Lock, LockLostError, type LockManager } from "../../src/index.js"
import { sleep } from "../../src/time/timers.js"
import { always, asksFor, nothing, type SeenRequest } from "../support/fault-proxy.js"
import { abortion, durationOf, recorder, rejection, until } from "../support/outcomes.js"
import type { Opened, Variant } from "../support/variants.js"

/** Much less than a third of the ttl, after which a renewal would notice. */
const AT_ONCE_MS = 3_000

const isStream = (request: Pick<SeenRequest, "operations" | "steps">) =>
  asksFor(request, "SUBSCRIBE")

export function watching(variant: Variant): void {
  let database: Opened
  beforeAll(async () => {
    database = await variant.open()
  })
  afterAll(() => database.close())

  let names = 0
  const unique = () => `watched-${String(names++)}`
  const rob = (name: string) => database.locks().request(name, { steal: true }, () => undefined)

  async function expectStolen(lock: Lock): Promise<void> {
    const aborted = abortion(lock.signal)
    expect(await durationOf(aborted)).toBeLessThan(AT_ONCE_MS)
    expect(await aborted).toMatchObject({ code: "lost", reason: "stolen" })
    expect(lock.remainingMs).toBe(0)
  }

  /** Granted by a hand-off, to a caller that waited. */
  async function afterWaiting(locks: LockManager, name: string): Promise<Lock> {
    const before = await database.locks().acquire(name)
    const waiting = locks.acquire(name, { watch: true })
    await until(async () => (await database.locks().inspect(name)).waiting === 1)
    await before.release()
    return waiting
  }

  test("is notified at once when it was granted without a wait", async () => {
    const name = unique()
    const { onEvent, of } = recorder()
    const lock = await database.locks({ onEvent }).acquire(name, { watch: true })
    await until(() => of("renewed").length === 1)
    await rob(name)
    await expectStolen(lock)
    expect(of("lost")).toHaveLength(1)
    expect(await lock.release()).not.toBe("released")
  })

  test("is notified at once after a wait", async () => {
    const name = unique()
    const lock = await afterWaiting(database.locks(), name)
    // One that polls has to open a stream first.
    await sleep(300)
    await rob(name)
    await expectStolen(lock)
  })

  test("is notified of a forced release, too", async () => {
    const name = unique()
    const lock = await afterWaiting(database.locks(), name)
    await sleep(300)
    await database.locks().forceRelease(name)
    await expectStolen(lock)
  })

  test("notices a steal from before its stream was open", async () => {
    const name = unique()
    const { proxy, locks } = await database.proxied()
    proxy.plan = (request) => (isStream(request) ? { kind: "request-delayed", ms: 500 } : undefined)
    const lock = await locks().acquire(name, { watch: true })
    await rob(name)
    await expectStolen(lock)
  })

  test("is shared: each of those who watch is notified, and the others are not harmed", async () => {
    const name = unique()
    const locks = database.locks()
    const shared = { mode: "shared", watch: true } as const
    const all = [await locks.acquire(name, shared), await locks.acquire(name, shared)]
    const silent = await locks.acquire(name, { mode: "shared" })
    await sleep(300)
    await rob(name)
    for (const lock of all) await expectStolen(lock)
    expect(silent.signal.aborted).toBe(false)
    expect(await rejection(silent.extend())).toMatchObject({ reason: "stolen" })
  })

  test("is a permit: it is notified when all permits are taken away", async () => {
    const name = unique()
    const permit = await database.locks().semaphore(name, 2).acquire({ watch: true })
    await sleep(300)
    await database.locks().forceRelease(name)
    await expectStolen(permit)
  })

  test("is adopted: the process that took it over is notified", async () => {
    const name = unique()
    const first = await database.locks().acquire(name, { watch: true })
    const second = await database.locks().adopt(first.transfer(), { watch: true })
    await sleep(300)
    await rob(name)
    await expectStolen(second)
    expect(first.signal.aborted).toBe(false)
  })

  test("rejects the request that runs under it", async () => {
    const name = unique()
    const running = database
      .locks()
      .request(name, { watch: true }, () => new Promise(() => undefined))
    running.catch(() => undefined)
    await until(async () => (await database.locks().inspect(name)).isHeld)
    await sleep(300)
    await rob(name)
    expect(await rejection(running)).toBeInstanceOf(LockLostError)
  })
}

/** What it costs, and how it ends. */
export function watchingClosely(variant: Variant): void {
  let database: Opened
  beforeAll(async () => {
    database = await variant.open()
  })
  afterAll(() => database.close())
  const streams = (log: readonly SeenRequest[]) => log.filter(isStream)
  const channelOf = (log: readonly SeenRequest[]) => streams(log)[0]?.commands[0]?.[1] ?? ""

  test("keeps the stream of its wait, and sends no request more", async () => {
    const costs: number[] = []
    for (const watch of [false, true]) {
      const name = `cost-${String(watch)}`
      const { proxy, locks } = await database.proxied()
      const before = await database.locks().acquire(name)
      const waiting = locks().acquire(name, { watch })
      // Its stream is open, and it has looked whether it missed its grant.
      await until(() => (proxy.seen("readHold")[0]?.answers.length ?? 0) > 0)
      await before.release()
      const lock = await waiting
      await sleep(300)
      costs.push(proxy.log.length)
      expect(streams(proxy.log)).toHaveLength(1)
      await lock.release()
    }
    expect(costs[1]).toBe(costs[0])
  })

  test("opens one stream without a wait, checks once, and closes the stream at its end", async () => {
    const { proxy, locks } = await database.proxied()
    const { onEvent, of } = recorder()
    const lock = await locks({ onEvent }).acquire("alone", { watch: true })
    await until(() => of("renewed").length === 1)
    expect(proxy.log).toHaveLength(3)
    const channel = channelOf(proxy.log)
    const listeners = async () =>
      ((await database.command("PUBSUB", "NUMSUB", channel)) as unknown[])[1]
    expect(await listeners()).toBe(1)
    await lock.release()
    await until(async () => (await listeners()) === 0)
    // A stream that was closed by its own end does not count as ended.
    expect(of("unwatched")).toEqual([])
  })

  test("closes a stream that opens after its end", async () => {
    const { proxy, locks } = await database.proxied()
    proxy.plan = always("SUBSCRIBE", { kind: "request-delayed", ms: 300 })
    const lock = await locks().acquire("brief", { watch: true })
    await until(() => streams(proxy.log).length === 1)
    const channel = channelOf(proxy.log)
    await lock.release()
    const listeners = async () =>
      ((await database.command("PUBSUB", "NUMSUB", channel)) as unknown[])[1]
    let most = 0
    for (let i = 0; i < 30; i++) {
      most = Math.max(most, Number(await listeners()))
      await sleep(30)
    }
    // It was open for a moment, or its request was canceled in time.
    expect(most).toBeLessThanOrEqual(1)
    expect(await listeners()).toBe(0)
    expect(proxy.seen("extend")).toEqual([])
  })

  test("tells by an event that its stream has ended, and notices a steal at the next renewal", async () => {
    const { proxy, locks } = await database.proxied()
    proxy.plan = (request) => (isStream(request) ? { kind: "stream-cut", afterMs: 500 } : undefined)
    const { onEvent, of } = recorder()
    const lock = await locks({ onEvent }).acquire("cut", { watch: true, ttl: "3s" })
    await until(() => of("renewed").length === 1)
    await until(() => of("unwatched").length === 1)
    expect(of("unwatched")[0]).toMatchObject({ name: "cut", reason: "ended" })
    await database.locks().forceRelease("cut")
    expect(await abortion(lock.signal)).toMatchObject({ reason: "stolen" })
  })

  test("tells by an event that there are no streams", async () => {
    const { proxy, locks } = await database.proxied()
    proxy.plan = (request) =>
      isStream(request) ? { kind: "replaced", executed: false, status: 404, body: "{}" } : undefined
    const { onEvent, of } = recorder()
    const lock = await locks({ onEvent }).acquire("refused", { watch: true })
    await until(() => of("unwatched").length === 1)
    expect(of("unwatched")[0]?.reason).toBe("refused")
    proxy.plan = nothing
    expect(await lock.release()).toBe("released")
  })

  test("that is told so by a stranger is not trusted any more, and is still released", async () => {
    const { proxy, locks } = await database.proxied()
    const lock = await locks().acquire("forged", { watch: true })
    await until(() => streams(proxy.log).length === 1)
    await sleep(200)
    await database.command("PUBLISH", channelOf(proxy.log), "stolen")
    expect(await abortion(lock.signal)).toMatchObject({ reason: "stolen" })
    expect(await lock.release()).toBe("released")
  })

  test("is found by its client in a query, as any other", async () => {
    const locks = database.locks({ clientId: "the_client" })
    const lock = await locks.acquire("queried", { watch: true })
    const { held } = await locks.query({ name: "queried" })
    expect(held).toMatchObject([{ clientId: "the_client" }])
    await lock.release()
  })

  test("cannot have been acquired without that, and transferred", async () => {
    const lock = await database.locks().acquire("plain")
    const adopting = database.locks().adopt(lock.transfer(), { watch: true })
    expect((await rejection(adopting)) as Error).toMatchObject({
      name: "TypeError",
      message: "watch: not supported for a hold that was acquired without it",
    })
  })
}
