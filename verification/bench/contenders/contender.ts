// Who is compared: each takes a lock by name, waits for it as long as it takes, and releases it.
import type { LockManagerOptions } from "fetchlock"
import type { Testbed } from "../testbed/testbed.js"

/** Gives back what was taken. */
export type Release = () => Promise<unknown>

/** One client of one library, as another process would have one. */
export interface Client {
  /** @param permits how many may hold it together; undefined: one alone */
  acquire(name: string, permits?: number): Promise<Release>
  /** Null when somebody else has it; missing where that cannot be asked without waiting. */
  readonly tryAcquire?: (name: string) => Promise<Release | null>
  readonly close?: () => Promise<unknown>
}

/** What a testbed offers to a client. */
export type Place = Pick<Testbed, "url" | "token" | "redisUrl">

export interface Contender {
  readonly name: string
  /** Whether it sends HTTP requests to the database, which can be counted and billed. */
  readonly isRest: boolean
  /** Whether it has semaphores. */
  readonly hasPermits: boolean
  /** Whether it is told when its turn comes; others ask, and take longer the more of them there are. */
  readonly isTold: boolean
  /** What it needs beside the database, if anything; returns where that is. */
  readonly prepare?: (testbed: Testbed) => Promise<{ place: Place; close: () => Promise<void> }>
  /** How its manager is made, if it is ours. */
  readonly managerOptions?: (place: Place) => Partial<LockManagerOptions>
  open(place: Place): Client
}
