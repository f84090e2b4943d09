// The interface of a compared library: it takes a lock by name, waits for it without a limit, and releases it.
import type { LockManagerOptions } from "fetchlock"
import type { Testbed } from "../testbed/testbed.js"

/** Releases the lock. */
export type Release = () => Promise<unknown>

/** One client of one library, as in a separate process. */
export interface Client {
  /** @param permits the number of permits of a semaphore; undefined: an exclusive lock */
  acquire(name: string, permits?: number): Promise<Release>
  /** Resolves with null if the lock is held; missing if the library cannot try without waiting. */
  readonly tryAcquire?: (name: string) => Promise<Release | null>
  readonly close?: () => Promise<unknown>
}

/** The parts of a testbed that a client uses. */
export type Place = Pick<Testbed, "url" | "token" | "redisUrl">

export interface Contender {
  readonly name: string
  /** Whether it sends HTTP requests to the database, which can be counted and billed. */
  readonly isRest: boolean
  /** Whether it has semaphores. */
  readonly hasPermits: boolean
  /** Whether it is notified when its turn comes. Others poll, and take longer the more of them there are. */
  readonly isNotified: boolean
  /** Starts what it needs in addition to the database, and returns its address. */
  readonly prepare?: (testbed: Testbed) => Promise<{ place: Place; close: () => Promise<void> }>
  /** The options of its manager, if it is ours. */
  readonly managerOptions?: (place: Place) => Partial<LockManagerOptions>
  open(place: Place): Client
}
