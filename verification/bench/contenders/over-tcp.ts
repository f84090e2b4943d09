// For orientation: libraries for code that can keep a TCP connection open. Both poll at fixed
// intervals: redlock at its default, redis-semaphore at ten times its own.
import { Redis } from "ioredis"
import { Mutex } from "redis-semaphore"
import Redlock from "redlock"
import type { Contender } from "./contender.js"

const TTL_MS = 30_000
/** The default interval of redlock. */
const ASK_EACH_MS = 200

export const overTcp: readonly Contender[] = [
  {
    name: "redlock (TCP)",
    isRest: false,
    hasPermits: false,
    isNotified: false,
    open: ({ redisUrl }) => {
      const redis = new Redis(redisUrl)
      const locks = new Redlock([redis], { retryCount: 1_000_000, retryDelay: ASK_EACH_MS })
      locks.on("error", () => undefined)
      return {
        acquire: async (name) => {
          const lock = await locks.acquire([name], TTL_MS, {})
          return () => lock.release()
        },
        close: () => redis.quit(),
      }
    },
  },
  {
    name: "redis-semaphore (TCP)",
    isRest: false,
    hasPermits: false,
    isNotified: false,
    open: ({ redisUrl }) => {
      const redis = new Redis(redisUrl)
      // Its default, 10 ms, would mean a hundred requests a second for each waiter.
      const options = { lockTimeout: TTL_MS, acquireTimeout: 3_600_000, retryInterval: 100 }
      return {
        acquire: async (name) => {
          const mutex = new Mutex(redis, name, options)
          await mutex.acquire()
          return () => mutex.release()
        },
        close: () => redis.quit(),
      }
    },
  },
]
