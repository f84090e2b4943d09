// @upstash/lock, which polls at fixed intervals.
import { Lock } from "@upstash/lock"
import { Redis } from "@upstash/redis"
import type { Contender } from "./contender.js"

export const upstashLock: Contender = {
  name: "@upstash/lock",
  isRest: true,
  hasPermits: false,
  isNotified: false,
  open: ({ url, token }) => {
    const redis = new Redis({ url, token })
    // Its types expect the client's class of the CommonJS build.
    const lockOf = (id: string, attempts: number) =>
      new Lock({ id, redis: redis as never, lease: 30_000, retry: { attempts, delay: 100 } })
    return {
      acquire: async (name) => {
        const lock = lockOf(name, 1_000_000)
        if (!(await lock.acquire())) throw new Error("@upstash/lock gave up")
        return () => lock.release()
      },
      tryAcquire: async (name) => {
        const lock = lockOf(name, 1)
        return (await lock.acquire()) ? () => lock.release() : null
      },
    }
  },
}
