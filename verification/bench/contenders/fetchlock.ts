// fetchlock, in each way to use it.
import { Redis } from "@upstash/redis"
import { LockManager, type LockManagerOptions } from "fetchlock"
import type { Client, Contender, Place } from "./contender.js"

/** The manager's options except for the database. */
type Options = Partial<LockManagerOptions>

function client({ url, token }: Place, options: Options): Client {
  const locks = new LockManager({ redis: { url, token }, wait: Infinity, ...options })
  return {
    acquire: async (name, permits) => {
      const lock = permits
        ? await locks.semaphore(name, permits).acquire()
        : await locks.acquire(name)
      return () => lock.release()
    },
    tryAcquire: async (name) => {
      const lock = await locks.tryAcquire(name)
      return lock && (() => lock.release())
    },
  }
}

function contender(name: string, options: (place: Place) => Options, isNotified = true): Contender {
  const open = (place: Place) => client(place, options(place))
  return { name, isRest: true, hasPermits: true, isNotified, managerOptions: options, open }
}

const pushed = contender("fetchlock", () => ({}))

/** For scenarios without waiting: the others differ only in how they wait. */
export function isPushed({ name }: Contender): boolean {
  return name === pushed.name
}

export const fetchlock = [
  pushed,
  contender("fetchlock, polling", () => ({ push: false }), false),
  contender("fetchlock over @upstash/redis", (place) => ({
    redis: new Redis(place),
    keyLocking: false,
  })),
] as const
