// One request to acquire.lua, for whoever waits and for whoever does not.
import * as scripts from "../lua/scripts.js"
import { now } from "../validity.js"
import type { Database } from "./database.js"
import { ACQUIRE_LENGTH, readAcquired } from "./replies.js"
import type { Busy, Grant, Queued, Waiter } from "./store.js"
import { waiterEntry } from "./waiter-entry.js"

/** @param ticket the waiter's place in the queue; empty before it has one */
export async function acquire(
  database: Database,
  waiter: Waiter,
  action: "try" | "enqueue" | "check",
  ticket: string,
  timeoutMs: number,
): Promise<Grant | Queued | Busy> {
  const { name, ttlMs } = waiter
  const args = [waiterEntry(waiter), String(ttlMs), action, ticket]
  const sentAt = now()
  const answer = await database.runHandingOn(scripts.acquire, name, args, ACQUIRE_LENGTH, timeoutMs)
  return readAcquired(answer, sentAt, waiter)
}
