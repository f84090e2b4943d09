// Ends exactly the holds that a person has seen: by now others may have the lock.
import type { LockManager } from "../lock-manager.js"
import { checkName, lockKeys } from "../redis/keys.js"
import * as scripts from "../redis/lua/scripts.js"
import { unexpectedReply } from "../redis/redis-error.js"
import { readText } from "../redis/replies.js"
import { callDatabase } from "../redis/retry.js"
import { createToken } from "../values/token.js"
import { databaseOf, detailsOfAll, type LockDetails, readRetrying } from "./lock-details.js"

/** The most holders and waiters of a lock that are listed. */
export const MOST_PARTIES = 100
/** For how long the lock stays held if this program dies between the two requests that end a hold. */
const TTL_MS = 5_000

/** A lock that a person sees before its holds are ended. */
export interface SeenLock extends LockDetails {
  /** Identifies each hold: another hold of the same client has another id. */
  readonly holdIds: readonly string[]
}

/** The lock as it is now. @throws `TypeError` or `RangeError` for an invalid name */
export async function look(locks: LockManager, name: string): Promise<SeenLock> {
  checkName(databaseOf(locks).prefix, name)
  // The ids first: if a holder comes in between, they do not match it, and nothing is ended.
  const holdIds = await readHoldIds(locks, name)
  const [lock] = await detailsOfAll(locks, [name], MOST_PARTIES)
  if (!lock) throw new Error("no details")
  return { ...lock, holdIds }
}

/**
 * Ends these holds. False if the lock is held by others by now, or by nobody: then nothing was ended.
 *
 * An exclusive hold is compared by the script that ends it. Shared holds are compared a round trip before: a holder that comes
 * after that is ended as well.
 */
export async function endHolds(
  locks: LockManager,
  { name, holders, holdIds }: Pick<SeenLock, "name" | "holders" | "holdIds">,
): Promise<boolean> {
  const current = await readHoldIds(locks, name)
  const [holdId] = current
  if (holdId === undefined || !isSame(current, holdIds)) return false
  if (holders[0]?.mode === "exclusive") return replace(locks, name, holdId)
  await locks.forceRelease(name)
  return true
}

async function readHoldIds(locks: LockManager, name: string): Promise<string[]> {
  const { single, prefix } = databaseOf(locks)
  const keys = lockKeys(prefix, name)
  const reply = await readRetrying((ms) => single.database.run(scripts.holdIds, keys, [], ms))
  if (!Array.isArray(reply)) throw unexpectedReply()
  return reply.map(readText)
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify([...one].sort()) === JSON.stringify([...other].sort())
}

/** Takes the lock from exactly this hold, and lets the waiters have it; false if it is held by another. */
async function replace(locks: LockManager, name: string, holdId: string): Promise<boolean> {
  const { store, single, timeoutMs } = databaseOf(locks)
  const token = createToken(locks.clientId)
  const request = { name, token, ttlMs: TTL_MS, fencing: false, limit: undefined }
  const steal = (leftMs: number) => single.steal(request, holdId, leftMs)
  const release = () =>
    callDatabase(name, "release", (leftMs) => store.release({ name, token }, leftMs), {
      withinMs: timeoutMs,
    })
  try {
    const reply = await callDatabase(name, "acquire", steal, { withinMs: timeoutMs })
    if (reply.kind === "held") return false
  } catch (error) {
    // It may have been executed.
    await release().catch(() => undefined)
    throw error
  }
  await release()
  return true
}
