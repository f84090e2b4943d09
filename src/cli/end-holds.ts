// Ends the holds of a lock that were looked at, and no other: by now others may have the lock.
import type { LockManager } from "../lock-manager.js"
import { checkName } from "../redis/keys.js"
import { callDatabase } from "../redis/retry.js"
import { createToken } from "../values/token.js"
import { databaseOf, detailsOfAll, type HolderDetails, type LockDetails } from "./lock-details.js"

/** The most holders and waiters of a lock that are read. */
export const MOST_PARTIES = 100
/** For how long the lock stays held if this program dies between the two requests that end a hold. */
const TTL_MS = 5_000

/** The lock as it is now, with the ids of its holds. @throws `TypeError` or `RangeError` for an invalid name */
export async function look(locks: LockManager, name: string): Promise<LockDetails> {
  checkName(databaseOf(locks).prefix, name)
  const [lock] = await detailsOfAll(locks, [name], MOST_PARTIES)
  if (!lock) throw new Error("no details")
  return lock
}

/**
 * Ends these holds. Returns nothing, or the lock as it is now if it is held by others, or by nobody: then nothing was ended.
 *
 * An exclusive hold is compared by the script that ends it. Shared holds are compared a round trip before: a holder that comes
 * after that is ended as well.
 */
export async function endHolds(
  locks: LockManager,
  name: string,
  holdIds: readonly string[],
): Promise<LockDetails | undefined> {
  const lock = await look(locks, name)
  const ids = lock.holders.map(({ holdId = "" }) => holdId)
  const isSame = JSON.stringify(ids.sort()) === JSON.stringify([...holdIds].sort())
  const [holder] = lock.holders
  if (!isSame || !holder) return lock
  if (holder.mode === "shared") await locks.forceRelease(name)
  else if (!(await replace(locks, name, holder))) return look(locks, name)
  return undefined
}

/** Takes the lock from exactly this hold, and lets the waiters have it; false if it is held by another. */
async function replace(
  locks: LockManager,
  name: string,
  { holdId = "" }: HolderDetails,
): Promise<boolean> {
  const { store, single, timeoutMs } = databaseOf(locks)
  const token = createToken(locks.clientId)
  const request = { name, token, ttlMs: TTL_MS, fencing: false, limit: undefined }
  const release = () =>
    callDatabase(name, "release", (leftMs) => store.release({ name, token }, leftMs), {
      withinMs: timeoutMs,
    })
  const steal = (leftMs: number) => single.steal(request, holdId, leftMs)
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
