// What travels when a hold is handed from one process to another.
import { showKind } from "../values/invalid-argument.js"
import { TOKEN } from "../values/token.js"

/**
 * What another process needs to take a hold over, made by `lock.transfer()` for `locks.adopt()`. Plain data, fit
 * for JSON.
 *
 * > [!WARNING]
 * > It contains the token: whoever has it can release the lock. Send it only where you would send a secret.
 */
export interface LockTransfer {
  readonly name: string
  readonly token: string
  /** The ttl that the hold was asked for with, in milliseconds. */
  readonly ttlMs: number
  readonly fencingToken?: number | undefined
  /** Left out where it is exclusive. */
  readonly mode?: "shared" | undefined
}

/** @throws `TypeError` for what `lock.transfer()` cannot have made. */
export function checkTransfer(transfer: unknown): LockTransfer {
  if (typeof transfer !== "object" || transfer === null) {
    // Text would be the token, or hold it.
    const got = showKind(transfer)
    throw new TypeError(`transfer: must be what lock.transfer() returned, got ${got}`)
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
    throw new TypeError(
      "transfer: must be what lock.transfer() returned, with name, token and ttlMs",
    )
  }
  return {
    name,
    token,
    ttlMs,
    ...(fencingToken !== undefined && { fencingToken }),
    ...(mode && { mode }),
  }
}
