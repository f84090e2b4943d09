// Real locks of other libraries and languages under our names: they exclude us, we exclude them, neither harms the other.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type AcquireOptions, type LockManager, LockTimeoutError } from "../../src/index.js"
import type { Peer, PeerClient } from "./peer.js"
import { redisPy } from "./redis-py.js"
import { redisSemaphore } from "./redis-semaphore.js"
import { redlock } from "./redlock.js"
import { Register } from "./register.js"
import { upstashLock } from "./upstash-lock.js"
import { durationOf, recorder, rejection, until } from "../support/outcomes.js"
import { describeOnRedis, onRedis, type Opened } from "../support/variants.js"

const PEERS = [upstashLock, redlock, redisSemaphore, redisPy]

/** The longest pause between two checks behind a foreign holder is two seconds. */
const SOON_MS = 3_000

/** How often each contender enters. */
const TURNS = 6
/** Our locks are handed from waiter to waiter: breaks let the others have their turns, too. */
const LONGEST_BREAK_MS = 150

/** Each way in which our callers wait. */
const WAYS: Readonly<Record<string, AcquireOptions>> = {
  "with a stream": {},
  "by polling": { push: false },
  "with fencing tokens": { fencing: true },
  "at intervals": { interval: 25 },
}

describeOnRedis("foreign locks", () => {
  let database: Opened
  beforeAll(async () => {
    database = await onRedis.open()
  })
  afterAll(() => database.close())

  for (const peer of PEERS) {
    if (peer.missing) console.warn(`Skipped: the tests with ${peer.name}, since ${peer.missing}.`)
    const run = peer.missing ? describe.skip : describe
    run.concurrent(peer.name, () => {
      exclusionTests(peer, () => database)
    })
  }
})

function exclusionTests(peer: Peer, database: () => Opened): void {
  const clients: PeerClient[] = []
  let names = 0

  const open = async () => {
    const { url, token, redisUrl = "" } = database()
    const client = await peer.open({ url, token, redisUrl })
    clients.push(client)
    return client
  }
  /** A name of its own, a client of the peer, and a manager of ours. */
  const openCase = async () => {
    const name = `${peer.name}-${String(names++)}`
    const value = () => database().command("GET", peer.prefix + name)
    return { name, value, client: await open(), locks: ours() }
  }
  const ours = (options = {}): LockManager => database().locks({ prefix: peer.prefix, ...options })
  afterAll(() => Promise.all(clients.map((client) => client.close())))

  test("its lock excludes each kind of our calls, and stays unchanged", async () => {
    const { name, value, client, locks } = await openCase()
    const hold = await client.take(name, 30_000)
    const held = await value()
    expect(await locks.tryAcquire(name)).toBeNull()
    expect(await locks.tryAcquire(name, { fencing: true })).toBeNull()
    expect(await locks.tryAcquire(name, { mode: "shared" })).toBeNull()
    expect(await locks.semaphore(name, 3).tryAcquire()).toBeNull()
    for (const options of Object.values(WAYS)) {
      const refused = await rejection(locks.acquire(name, { ...options, wait: 150 }))
      expect(refused).toBeInstanceOf(LockTimeoutError)
    }
    expect(await value()).toBe(held)
    await hold.release()
    expect(await value()).toBeNull()
  })

  test("our lock excludes it: while we hold, extend, hand on and share", async () => {
    const { name, value, client, locks } = await openCase()
    const first = await locks.acquire(name)
    expect(await client.tryTake(name, 30_000)).toBeUndefined()
    const { onEvent, of } = recorder()
    const waiting = ours({ onEvent }).acquire(name)
    await until(() => of("queued").length === 1)
    expect(await client.tryTake(name, 30_000)).toBeUndefined()
    await first.extend("1m")
    await first.release()
    expect(await client.tryTake(name, 30_000)).toBeUndefined()
    await (await waiting).release()
    const reader = await locks.acquire(name, { mode: "shared" })
    expect(await client.tryTake(name, 30_000)).toBeUndefined()
    await reader.release()
    const hold = await client.tryTake(name, 30_000)
    expect(hold).toBeDefined()
    await hold?.release()
    expect(await value()).toBeNull()
  })

  test.for(Object.entries(WAYS))(
    "our waiter %s gets the lock soon after its release, which sends no message",
    async ([, way]) => {
      const { name, client } = await openCase()
      const hold = await client.take(name, 30_000)
      const { onEvent, of } = recorder()
      const waiting = ours({ onEvent }).acquire(name, { ...way, wait: "30s" })
      await until(() => of("queued").length === 1)
      await hold.release()
      expect(await durationOf(waiting)).toBeLessThan(SOON_MS)
      expect(await (await waiting).release()).toBe("released")
    },
  )

  test("our waiter gets the lock as soon as its hold has expired", async () => {
    const { name, client } = await openCase()
    await client.take(name, 700)
    const waiting = ours().acquire(name, { wait: "30s" })
    expect(await durationOf(waiting)).toBeLessThan(2_500)
    await (await waiting).release()
  })

  test("its waiter gets the lock soon after our release", async () => {
    const { name, client, locks } = await openCase()
    const lock = await locks.acquire(name)
    const taking = client.take(name, 30_000)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await lock.release()
    expect(await durationOf(taking)).toBeLessThan(1_000)
    await (await taking).release()
  })

  test("its release of an expired hold does not free our lock", async () => {
    const { name, value, client, locks } = await openCase()
    const stale = await client.take(name, 50)
    const lock = await locks.acquire(name, { wait: "10s" })
    // Each library has its own way to say that it held nothing.
    await stale.release().catch(() => undefined)
    expect(await value()).toMatch(lock.token)
    await lock.extend()
    expect(await lock.release()).toBe("released")
  })

  test("our release of an expired hold does not free its lock", async () => {
    const { name, value, client, locks } = await openCase()
    const stale = await locks.acquire(name)
    await database().command("DEL", peer.prefix + name)
    const hold = await client.take(name, 30_000)
    const held = await value()
    expect(await stale.release()).toBe("taken")
    expect(await value()).toBe(held)
    await hold.release()
    expect(await value()).toBeNull()
  })

  test(
    "several of its callers and several of ours take turns, and never overlap",
    { timeout: 60_000 },
    async () => {
      const { name, locks } = await openCase()
      const register = new Register(database().command, `${peer.prefix}${name}`)
      const visit = () => register.visit(3)
      const contend = async (turn: () => Promise<void>) => {
        for (let n = 0; n < TURNS; n++) {
          await new Promise((resolve) => setTimeout(resolve, LONGEST_BREAK_MS * Math.random()))
          await turn()
        }
      }
      const fences: number[] = []
      const mine = Object.values(WAYS).map((options) =>
        contend(() =>
          locks.request(name, { ...options, wait: "40s" }, async (lock) => {
            if (lock.fencingToken !== undefined) fences.push(lock.fencingToken)
            await visit()
          }),
        ),
      )
      const clients = await Promise.all([open(), open(), open()])
      const theirs = clients.map((client) =>
        contend(async () => {
          const hold = await client.take(name, 30_000)
          await visit()
          await hold.release()
        }),
      )
      await Promise.all([...mine, ...theirs])
      expect(await register.overlaps()).toBe(0)
      expect(await register.visits()).toBe((mine.length + theirs.length) * TURNS)
      expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b))
    },
  )
}
