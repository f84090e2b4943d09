// The scenarios that the tests run in a Worker. Each returns its observations; the test has the expected ones.
import {
  LockBackendError,
  LockError,
  LockLostError,
  type LockManager,
  type LockTransfer,
} from "fetchlock"
import { readAndWrite } from "./readers-and-writers.js"
import { section } from "./section.js"

/** The database, without the library. */
export type Command = (...command: string[]) => Promise<unknown>

/** The tools of a scenario: a manager, a name of its own, and the request's body. */
export interface Stage {
  readonly locks: LockManager
  readonly name: string
  readonly command: Command
  readonly body: string
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function isFree(locks: LockManager, name: string): Promise<boolean> {
  const lock = await locks.tryAcquire(name)
  await lock?.release()
  return lock !== null
}

/** An error's facts, as JSON can carry them. */
async function rejection(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await promise
  } catch (error) {
    return facts(error)
  }
  return { name: "none" }
}

function facts(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { thrown: error }
  const { name } = error
  if (!(error instanceof LockError)) return { name, message: error.message }
  const { code, lockName } = error
  const more =
    error instanceof LockLostError
      ? { reason: error.reason }
      : error instanceof LockBackendError
        ? { phase: error.phase, status: error.status }
        : {}
  return { name, code, lockName, ...more }
}

export const scenarios: Record<string, (stage: Stage) => Promise<unknown>> = {
  async readAndWrite({ locks, name, command, body }) {
    return readAndWrite(locks, command, name, Number(body))
  },

  async request({ locks, name }) {
    const heldMeanwhile = await locks.request(name, () => isFree(locks, name).then((free) => !free))
    return { heldMeanwhile, freeAfterwards: await isFree(locks, name) }
  },

  async byHand({ locks, name }) {
    const lock = await locks.acquire(name)
    const heldMeanwhile = !(await isFree(locks, name))
    return { heldMeanwhile, released: await lock.release(), again: await lock.release() }
  },

  async byScope({ locks, name }) {
    let heldMeanwhile
    {
      await using lock = await locks.acquire(name)
      heldMeanwhile = !(await isFree(locks, lock.name))
    }
    return { heldMeanwhile, freeAfterwards: await isFree(locks, name) }
  },

  async waitsForRelease({ locks, name }) {
    const first = await locks.acquire(name)
    const second = locks.acquire(name, { wait: "5s" })
    await pause(100)
    await first.release()
    return { second: await (await second).release() }
  },

  async timesOut({ locks, name }) {
    const held = await locks.acquire(name)
    const started = Date.now()
    const error = await rejection(locks.acquire(name, { wait: 200 }))
    const waitedMs = Date.now() - started
    await held.release()
    return { error, waitedMs }
  },

  async abortsWhileWaiting({ locks, name }) {
    const held = await locks.acquire(name)
    const signal = AbortSignal.timeout(100)
    const error = await rejection(locks.acquire(name, { wait: "10s", signal }))
    await held.release()
    return { error, freeAfterwards: await isFree(locks, name) }
  },

  async extends({ locks, name, command }) {
    const lock = await locks.acquire(name, { ttl: "10s", renew: false })
    const before = Number(await command("PTTL", `lock:${name}`))
    await lock.extend("60s")
    const after = Number(await command("PTTL", `lock:${name}`))
    const { remainingMs } = lock
    await lock.release()
    const extendingReleased = await rejection(lock.extend())
    return { before, after, remainingMs, extendingReleased }
  },

  async expires({ locks, name }) {
    const lock = await locks.acquire(name, { ttl: 300, renew: false })
    await new Promise((resolve) => {
      lock.signal.addEventListener("abort", resolve, { once: true })
    })
    const signal = facts(lock.signal.reason)
    return { signal, remainingMs: lock.remainingMs, extending: await rejection(lock.extend()) }
  },

  async renews({ locks, name }) {
    // Three times as long as it would last without renewal.
    return locks.request(name, { ttl: 2_000 }, async (lock) => {
      const endedAt = lock.expiresAtMs
      await pause(6_000)
      return { held: !(await isFree(locks, name)), extended: lock.expiresAtMs - endedAt }
    })
  },

  async noticesTheLoss({ locks, name, command }) {
    const reasons: unknown[] = []
    const error = await rejection(
      locks.request(name, { ttl: 600 }, async (lock) => {
        await command("SET", `lock:${name}`, "a stranger's token", "PX", "5000")
        await new Promise((resolve) => {
          lock.signal.addEventListener("abort", resolve, { once: true })
        })
        reasons.push(facts(lock.signal.reason))
      }),
    )
    await pause(0)
    const value = await command("GET", `lock:${name}`)
    return { error, reasons, value }
  },

  async fences({ locks, name }) {
    const tokens: number[] = []
    for (let n = 0; n < 3; n++) {
      await locks.request(name, { fencing: true }, (lock) => tokens.push(lock.fencingToken))
    }
    return { tokens }
  },

  async keeps({ locks, name, command }) {
    await locks.request(name, (lock) => lock.keep("1h"))
    return { ttl: Number(await command("PTTL", `lock:${name}`)) }
  },

  async transfers({ locks, name }) {
    const lock = await locks.acquire(name, { fencing: true })
    return { transfer: lock.transfer(), released: await lock.release() }
  },

  async adopts({ locks, body }) {
    const lock = await locks.adopt(JSON.parse(body) as LockTransfer, { renew: true })
    const heldMeanwhile = !(await isFree(locks, lock.name))
    const { fencingToken } = lock
    return { heldMeanwhile, fencingToken, released: await lock.release() }
  },

  async failsToAcquire({ locks, name }) {
    return { error: await rejection(locks.acquire(name)) }
  },

  /** Responds without a release, like a Worker that forgets it. */
  async forgets({ locks, name }) {
    await locks.acquire(name, { ttl: 500, renew: true })
    return {}
  },

  /** Gives up in the middle of the first request, and responds at once. */
  async abortsMidRequest({ locks, name }) {
    const controller = new AbortController()
    const acquiring = rejection(locks.acquire(name, { signal: controller.signal }))
    await pause(50)
    controller.abort(new Error("enough"))
    return { error: await acquiring }
  },

  async section({ locks, name, command }) {
    return locks.request(name, { fencing: true, wait: "60s" }, (lock) => section(command, lock))
  },

  /** Two failures that the log must show, or else an empty log would mean nothing. */
  async failsUnhandled() {
    void Promise.reject(new Error("unhandled on purpose"))
    await pause(10)
    throw new Error("uncaught on purpose")
  },
}
