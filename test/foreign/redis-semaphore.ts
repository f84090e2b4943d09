// The mutex of `redis-semaphore`, over TCP: its key is `mutex:` and the name.
import { Redis } from "ioredis"
import { Mutex } from "redis-semaphore"
import { ASK_EACH_MS, PATIENCE_MS, type Peer } from "./peer.js"

export const redisSemaphore: Peer = {
  name: "redis-semaphore 5.8.0",
  prefix: "mutex:",
  open: ({ redisUrl }) => {
    const client = new Redis(redisUrl)
    const mutexOf = (name: string, lockTimeout: number, acquireAttemptsLimit = Infinity) =>
      new Mutex(client, name, {
        lockTimeout,
        acquireAttemptsLimit,
        acquireTimeout: PATIENCE_MS,
        retryInterval: ASK_EACH_MS,
        // A hold that is meant to expire must not be renewed.
        refreshInterval: 0,
      })
    return Promise.resolve({
      tryTake: async (name, ttlMs) => {
        const mutex = mutexOf(name, ttlMs, 1)
        return (await mutex.tryAcquire()) ? { release: () => mutex.release() } : undefined
      },
      take: async (name, ttlMs) => {
        const mutex = mutexOf(name, ttlMs)
        await mutex.acquire()
        return { release: () => mutex.release() }
      },
      close: async () => {
        await client.quit()
      },
    })
  },
}
