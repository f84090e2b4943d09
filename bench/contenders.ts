// Who is compared: each takes a lock by name, waits for it as long as it takes, and releases it.
import { Lock as UpstashLock } from "@upstash/lock"
import { Redis } from "@upstash/redis"
import { LockManager } from "fetchlock"

/** One client of one library. */
interface Contender {
  /**
   * Resolves with what releases the lock.
   *
   * @param permits how many may hold it together; undefined where it cannot be shared
   */
  acquire(name: string, permits?: number): Promise<() => Promise<unknown>>
}

export interface Endpoint {
  readonly url: string
  readonly token: string
}

/** Makes a new client, as another process would have one. */
export type ContenderFactory = (endpoint: Endpoint) => Contender

const ours = (locks: LockManager): Contender => ({
  async acquire(name, permits) {
    const lock = permits
      ? await locks.semaphore(name, permits).acquire()
      : await locks.acquire(name)
    return () => lock.release()
  },
})

export const CONTENDERS: Readonly<Record<string, ContenderFactory>> = {
  fetchlock: (redis) => ours(new LockManager({ redis, wait: Infinity })),
  "fetchlock, polling": (redis) => ours(new LockManager({ redis, wait: Infinity, push: false })),
  "fetchlock over @upstash/redis": (redis) =>
    ours(new LockManager({ redis: new Redis(redis), wait: Infinity })),
  "@upstash/lock": (endpoint) => {
    const redis = new Redis(endpoint)
    return {
      async acquire(name) {
        const retry = { attempts: 1_000_000, delay: 100 }
        // Its types know the class of the client as CommonJS has it.
        const lock = new UpstashLock({ id: name, redis: redis as never, lease: 30_000, retry })
        if (!(await lock.acquire())) throw new Error("@upstash/lock gave up")
        return () => lock.release()
      },
    }
  },
}
