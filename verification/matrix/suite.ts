// The checks that the package must pass in every runtime. A check that fails throws.
import { type Lock, LockLostError, type LockManager, LockTimeoutError } from "fetchlock"
import { withLock } from "fetchlock/handler"

/** The arguments of a check. */
export interface Stage {
  readonly locks: LockManager
  /** A name that no other check uses. */
  readonly name: string
}

/** The error of each check, or null. */
export type Results = Readonly<Record<string, string | null>>

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function expect(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`not true: ${claim}`)
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error("it did not reject")
}

const abortion = ({ signal }: Lock) =>
  new Promise<unknown>((resolve) => {
    const onAbort = () => {
      resolve(signal.reason)
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener("abort", onAbort, { once: true })
  })

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let n = 0; n < 200; n++) {
    if (await condition()) return
    await pause(25)
  }
  throw new Error("the condition was not met within 5 s")
}

async function handsOver({ locks, name }: Stage, push: boolean): Promise<void> {
  const first = await locks.acquire(name)
  const second = locks.acquire(name, { wait: "20s", push })
  await until(async () => (await locks.inspect(name)).waiting === 1)
  expect((await first.release()) === "released", "the holder released")
  expect((await (await second).release()) === "released", "the waiter was granted the lock")
}

export const checks: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  "request holds, and releases": async ({ locks, name }) => {
    const held = await locks.request(name, async () => (await locks.inspect(name)).isHeld)
    expect(held, "the lock was held meanwhile")
    expect(!(await locks.inspect(name)).isHeld, "it is free afterwards")
  },
  "a handle is released once": async ({ locks, name }) => {
    const lock = await locks.acquire(name)
    expect((await locks.tryAcquire(name)) === null, "no one else got it")
    expect((await lock.release()) === "released", "it was released")
    expect((await lock.release()) === "released", "it is still released")
  },
  "await using releases": async ({ locks, name }) => {
    {
      await using lock = await locks.acquire(name)
      expect(lock.remainingMs > 0, "it is valid")
    }
    expect(!(await locks.inspect(name)).isHeld, "it is free afterwards")
  },
  "a waiter is notified of its grant": (stage) => handsOver(stage, true),
  "a waiter polls for its grant": (stage) => handsOver(stage, false),
  "a wait times out": async ({ locks, name }) => {
    await locks.acquire(name)
    const error = await rejection(locks.acquire(name, { wait: 300 }))
    expect(error instanceof LockTimeoutError, "it timed out")
  },
  "a wait can be aborted": async ({ locks, name }) => {
    await locks.acquire(name)
    const signal = AbortSignal.timeout(200)
    const error = await rejection(locks.acquire(name, { wait: "30s", signal }))
    expect(error === signal.reason, "it rejected with the signal's reason")
    await until(async () => (await locks.inspect(name)).waiting === 0)
  },
  "a hold ends by its holder's clock": async ({ locks, name }) => {
    const lock = await locks.acquire(name, { ttl: 1_000, renew: false })
    expect((await abortion(lock)) instanceof LockLostError, "its signal aborted")
    expect(lock.remainingMs === 0, "no time is left")
  },
  "a hold is renewed": async ({ locks, name }) => {
    await locks.request(name, { ttl: "3s" }, async (lock) => {
      const end = lock.expiresAtMs
      await until(() => Promise.resolve(lock.expiresAtMs > end))
    })
  },
  "the loss of a hold is noticed": async ({ locks, name }) => {
    const error = await rejection(
      locks.request(name, { ttl: "2s" }, async (lock) => {
        const { ttlMs, ...claim } = lock.transfer()
        const again = await locks.adopt({ ...claim, ttlMs }, { renew: true })
        await (await locks.adopt({ ...claim, ttlMs })).release()
        throw await abortion(again)
      }),
    )
    expect(error instanceof LockLostError, "the renewal found it gone")
  },
  "fencing tokens rise": async ({ locks, name }) => {
    const take = () => locks.request(name, { fencing: true }, (lock) => lock.fencingToken)
    expect((await take()) < (await take()), "the second is greater")
  },
  "a hold is handed to another process": async ({ locks, name }) => {
    const lock = await locks.acquire(name)
    const message = JSON.stringify(lock.transfer())
    const adopted = await locks.adopt(JSON.parse(message) as ReturnType<typeof lock.transfer>)
    expect((await adopted.release()) === "released", "the adopter released it")
  },
  "a guarded handler serves and refuses": async ({ locks, name }) => {
    let end: () => void = () => undefined
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const handler = withLock(
      async () => {
        await ended
        return new Response("done")
      },
      { locks, name },
    )
    const ask = () => handler(new Request("http://localhost/"))
    const first = ask()
    await until(async () => (await locks.inspect(name)).isHeld)
    expect((await ask()).status === 423, "the second was refused")
    end()
    expect((await first).status === 200, "the first was served")
    await until(async () => !(await locks.inspect(name)).isHeld)
  },
  "a guarded response is locked until its body ends": async ({ locks, name }) => {
    const options = { locks, name, release: "after-body" } as const
    const handler = withLock(() => new Response(new Blob(["text"]).stream()), options)
    const response = await handler(new Request("http://localhost/"))
    expect((await locks.inspect(name)).isHeld, "the lock is held while the body is unread")
    expect((await response.text()) === "text", "the body is complete")
    await until(async () => !(await locks.inspect(name)).isHeld)
  },
}

const CROWD = 400

/** 400 callers of one process wait at once: all are served in order, through few connections, and the holder keeps its lock. */
export async function crowd(locks: LockManager): Promise<void> {
  const name = `crowd ${crypto.randomUUID()}`
  const holder = await locks.acquire(name, { ttl: "3s" })
  const served: number[] = []
  const calls = Array.from({ length: CROWD }, (_, i) =>
    locks.request(name, { wait: "60s" }, () => {
      served.push(i)
    }),
  )
  await until(async () => (await locks.inspect(name)).waiting === CROWD)
  await pause(4_000)
  expect((await holder.release()) === "released", "the holder could renew its hold meanwhile")
  await Promise.all(calls)
  expect(served.length === CROWD && served.every((one, i) => one === i), "served in order")
}

/** Runs all checks at the same time, each on its own lock. */
export async function runSuite(locks: LockManager): Promise<Results> {
  const run = crypto.randomUUID()
  const results = Object.entries(checks).map(async ([check, prove]) => {
    try {
      await prove({ locks, name: `${check} ${run}` })
      return [check, null] as const
    } catch (error) {
      return [check, String(error)] as const
    }
  })
  return Object.fromEntries(await Promise.all(results))
}
