// Every operation of a manager and a lock, so that each can be tried when it fails.
import type { Lock, LockManager } from "../../src/index.js"

export interface Subject {
  readonly locks: LockManager
  /** A hold from the time when the database was healthy. */
  readonly lock: Lock
}

export const TTL_MS = 20_000

/** The operations that work on a quorum, too. */
export const OF_ALL: Readonly<Record<string, (subject: Subject) => Promise<unknown>>> = {
  tryAcquire: ({ locks }) => locks.tryAcquire("a", { ttl: TTL_MS }),
  "tryAcquire with fencing": ({ locks }) => locks.tryAcquire("a", { ttl: TTL_MS, fencing: true }),
  acquire: ({ locks }) => locks.acquire("a", { ttl: TTL_MS, wait: 40 }),
  "acquire at intervals": ({ locks }) =>
    locks.acquire("a", { ttl: TTL_MS, wait: 40, interval: 15 }),
  request: ({ locks }) => locks.request("a", { ttl: TTL_MS, wait: 40 }, () => "done"),
  acquireAll: ({ locks }) => locks.acquireAll(["a", "b"], { ttl: TTL_MS, wait: 40 }),
  adopt: ({ locks, lock }) => locks.adopt({ name: "a", token: lock.token, ttlMs: TTL_MS }),
  extend: ({ lock }) => lock.extend(),
  release: ({ lock }) => lock.release(),
}

/** The operations of a single database. */
export const OF_ONE: typeof OF_ALL = {
  "tryAcquire, shared": ({ locks }) => locks.tryAcquire("a", { ttl: TTL_MS, mode: "shared" }),
  "acquire by polling": ({ locks }) => locks.acquire("a", { ttl: TTL_MS, wait: 40, push: false }),
  semaphore: ({ locks }) => locks.semaphore("a", 2).acquire({ ttl: TTL_MS, wait: 40 }),
  steal: ({ locks }) => locks.request("a", { ttl: TTL_MS, wait: 40, steal: true }, () => "done"),
  forceRelease: ({ locks }) => locks.forceRelease("a"),
  inspect: ({ locks }) => locks.inspect("a"),
  query: ({ locks }) => locks.query({ name: "a" }),
  "query of all": ({ locks }) => locks.query(),
}
