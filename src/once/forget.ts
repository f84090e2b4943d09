// Forgets what a name has come to, so that its next call runs.
import { LockBackendError } from "../errors.js"
import type { LockManager } from "../lock-manager.js"
import { onceKeys } from "../redis/keys.js"
import * as scripts from "../redis/lua/scripts.js"
import { RedisError, unexpectedReply } from "../redis/redis-error.js"
import { retryUntilKnown } from "../redis/retry.js"
import { LINGER_MS } from "./once-record.js"
import { onceSettings } from "./once-settings.js"

/**
 * Forgets a remembered value, an old one, a remembered error, and crashes: the next call of `once` runs.
 *
 * A run in progress is not disturbed: its result is stored when it ends, so forget the name then, too.
 *
 * @param locks the manager that was passed to `once`, or one of the same database and prefix
 * @param name the name that was passed to `once`
 * @throws `LockBackendError` when the database failed: then it may be forgotten or not; `NotSupportedError` for a quorum;
 *   `TypeError` for an invalid argument.
 * @example
 * ```ts
 * import { forget } from "fetchlock/once"
 *
 * await updateProfile(7)
 * await forget(locks, "profile:7")
 * ```
 */
export async function forget(locks: LockManager, name: string): Promise<void> {
  const { database, prefix, timeoutMs } = onceSettings(locks, name)
  const keys = onceKeys(prefix, name)
  try {
    const reply = await retryUntilKnown(
      () => database.run(scripts.onceForget, keys, [String(LINGER_MS)], timeoutMs),
      {},
    )
    if (reply !== "forgotten") throw unexpectedReply()
  } catch (error) {
    throw error instanceof RedisError ? new LockBackendError(name, "release", error) : error
  }
}
