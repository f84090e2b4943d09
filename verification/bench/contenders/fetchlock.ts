// fetchlock, in the forms in which it can be used.
import { Redis } from "@upstash/redis"
import { LockManager, type LockManagerOptions } from "fetchlock"
import type { Client, Contender, Place } from "./contender.js"

/** What a manager is given beside the database. */
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

function contender(name: string, options: (place: Place) => Options, isTold = true): Contender {
  const open = (place: Place) => client(place, options(place))
  return { name, isRest: true, hasPermits: true, isTold, managerOptions: options, open }
}

const pushed = contender("fetchlock", () => ({}))

/** For what has to do with holds alone: the others differ in how they wait. */
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
