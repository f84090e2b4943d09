// fetchlock, in each way to use it.
import { Redis } from "@upstash/redis"
import { LockManager, type LockManagerOptions } from "fetchlock"
import type { Client, Contender, Place } from "./contender.js"

/** The manager's options except for the database. */
type Options = Partial<LockManagerOptions>

function managerFor({ url, token }: Place, options: Options): LockManager {
  return new LockManager({ redis: { url, token }, wait: Infinity, ...options })
}

function clientOf(locks: LockManager): Client {
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
  const open = (place: Place) => clientOf(managerFor(place, options(place)))
  return { name, isRest: true, hasPermits: true, isNotified, managerOptions: options, open }
}

/** All clients are callers of one manager, and share its stream: as in one process. */
function oneProcess(name: string): Contender {
  const managers = new Map<string, LockManager>()
  const open = (place: Place) => {
    const manager = managers.get(place.url) ?? managerFor(place, {})
    managers.set(place.url, manager)
    return clientOf(manager)
  }
  return { name, isRest: true, hasPermits: true, isNotified: true, open }
}

const pushed = contender("fetchlock", () => ({}))

/** For scenarios without waiting: the others differ only in how they wait. */
export function isPushed({ name }: Contender): boolean {
  return name === pushed.name
}

export const fetchlock = [
  pushed,
  oneProcess("fetchlock, one process"),
  contender("fetchlock, polling", () => ({ push: false }), false),
  contender("fetchlock over @upstash/redis", (place) => ({
    redis: new Redis(place),
    keyLocking: false,
  })),
] as const
