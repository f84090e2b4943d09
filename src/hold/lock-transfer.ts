// The data with which one process hands its hold over to another.
import { showKind } from "../values/invalid-argument.js"
import { TOKEN } from "../values/token.js"

/**
 * The data that `locks.adopt()` needs to take a hold over, returned by `lock.transfer()`. It can be serialized as JSON.
 *
 * > [!WARNING]
 * > It contains the token, with which anyone can release the lock. Send it only where you would send a secret.
 */
export interface LockTransfer {
  /** The name of the lock. */
  readonly name: string
  /** The token that proves the hold: a secret. */
  readonly token: string
  /** The ttl with which the lock was acquired, in milliseconds. */
  readonly ttlMs: number
  /** Omitted for a hold without `fencing`. */
  readonly fencingToken?: number | undefined
  /** Omitted for an exclusive hold. */
  readonly mode?: "shared" | undefined
}

/** @throws `TypeError` if `lock.transfer()` cannot have returned it. */
export function checkTransfer(transfer: unknown): LockTransfer {
  if (typeof transfer !== "object" || transfer === null) {
    // A string may be the token, or contain it.
    const got = showKind(transfer)
    throw new TypeError(`transfer: must be a result of lock.transfer(), got ${got}`)
  }
  const { name, token, ttlMs, fencingToken, mode } = transfer as Partial<Record<string, unknown>>
  const isFence = fencingToken === undefined || typeof fencingToken === "number"
  if (
    typeof name !== "string" ||
    typeof token !== "string" ||
    !TOKEN.test(token) ||
    typeof ttlMs !== "number" ||
    !isFence ||
    (mode !== undefined && mode !== "shared")
  ) {
    throw new TypeError("transfer: must be a result of lock.transfer()")
  }
  return {
    name,
    token,
    ttlMs,
    ...(fencingToken !== undefined && { fencingToken }),
    ...(mode && { mode }),
  }
}
