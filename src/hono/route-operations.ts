// What the lock service does: each operation answers one request, and keeps nothing.
import type { Context } from "hono"
import { parseDuration } from "../duration.js"
import { LockLostError } from "../errors.js"
import { GONE } from "../guard/refusals.js"
import { invalid } from "../invalid-argument.js"
import type { Lock } from "../lock.js"
import { LockManager } from "../lock-manager.js"
import type { Claim } from "../store/store.js"
import { elapsedMs, now } from "../validity.js"
import { ensureWholeTtl } from "../whole-ttl.js"
import { extendClaim, releaseClaim } from "./claims.js"
import { LOCK_TOKEN, readLockToken, writeLockToken } from "./lock-token.js"
import { readJson } from "./read-json.js"
import { checked, Refusal } from "./refusal.js"
import { waitUntilOf } from "./wait-until.js"

/** What a client may ask for at most. */
export interface Bounds {
  readonly maxTtlMs: number
  readonly maxWaitMs: number
  readonly maxBodyBytes: number
}

/** A request that was let in. */
export interface Operation {
  readonly c: Context
  readonly locks: LockManager
  readonly name: string
  readonly bounds: Bounds
}

/** The ttl of a hold whose client named none. */
const DEFAULT_TTL_MS = 30_000

export const OPERATIONS = { acquire, extend, release, inspect } as const

async function acquire({ c, locks, name, bounds }: Operation): Promise<Response> {
  const { signal } = c.req.raw
  const body = await readJson(c.req.raw, ["ttl", "wait", "fencing"], bounds.maxBodyBytes)
  const ttl = readTtl(body.ttl, locks, bounds)
  const { wait, fencing } = checked(() => readWaiting(body, bounds))
  const startedAt = now()
  const waitUntil = waitUntilOf(c)
  let lock: Lock
  try {
    lock = await locks.acquire(name, { ttl, wait, fencing, renew: false, signal, waitUntil })
  } catch (error) {
    throw signal.aborted && error === signal.reason ? new Refusal(GONE) : error
  }
  try {
    // Nobody will extend a lease when this request is over.
    await ensureWholeTtl(lock, ttl)
  } catch (error) {
    // Also when it is lost: an extension that was executed, but answered too late, may have kept it.
    await lock[Symbol.asyncDispose]()
    throw error instanceof LockLostError ? notHeld(error.reason) : error
  }
  if (signal.aborted) {
    await lock[Symbol.asyncDispose]()
    throw new Refusal(GONE)
  }
  const { remaining } = lock
  const { token, fencingToken } = lock.transfer()
  const waited = Math.floor(elapsedMs(startedAt))
  return c.json({ name, remaining: Math.floor(remaining), waited, fencingToken }, 201, {
    [LOCK_TOKEN]: writeLockToken(token),
  })
}

async function extend({ c, locks, name, bounds }: Operation): Promise<Response> {
  const token = readLockToken(c.req.header(LOCK_TOKEN))
  const body = await readJson(c.req.raw, ["ttl"], bounds.maxBodyBytes)
  const ttl = readTtl(body.ttl, locks, bounds)
  const validity = await extendClaim(LockManager.planOf(locks), claimOf(c, name, token), ttl)
  if (typeof validity === "string") throw notHeld(validity)
  return c.json({ name, remaining: Math.floor(validity.remainingMs) })
}

async function release({ c, locks, name }: Operation): Promise<Response> {
  const token = readLockToken(c.req.header(LOCK_TOKEN))
  const result = await releaseClaim(LockManager.planOf(locks), claimOf(c, name, token))
  if (result !== "released") throw notHeld(result)
  return c.body(null, 204)
}

async function inspect({ c, locks, name }: Operation): Promise<Response> {
  const { held, remaining, waiting } = await locks.inspect(name)
  // JSON has no Infinity; a key without a ttl is somebody else's.
  return c.json({ name, held, remaining: remaining === Infinity ? null : remaining, waiting })
}

function claimOf(c: Context, name: string, token: string): Claim {
  const waitUntil = waitUntilOf(c)
  return { name, token, ...(waitUntil && { waitUntil }) }
}

function readTtl(ttl: unknown, locks: LockManager, { maxTtlMs: max }: Bounds): number {
  return checked(() => {
    const ttlMs =
      ttl === undefined
        ? Math.min(DEFAULT_TTL_MS, max)
        : parseDuration("ttl", ttl, { min: 10, max })
    LockManager.planOf(locks).store.checkTtl?.(ttlMs)
    return ttlMs
  })
}

function readWaiting(
  { wait = 0, fencing = false }: { wait?: unknown; fencing?: unknown },
  { maxWaitMs: max }: Bounds,
): { wait: number; fencing: boolean } {
  if (typeof fencing !== "boolean") throw invalid("fencing", "a boolean", fencing)
  return { wait: parseDuration("wait", wait, { min: 0, max }), fencing }
}

/** Whether the hold ended by itself or never was cannot be told. */
function notHeld(reason: string): Refusal {
  return new Refusal({
    type: "lock-not-held",
    status: 409,
    title: "Lock not held",
    detail:
      reason === "taken" || reason === "stolen"
        ? "Somebody else holds the lock."
        : "Nobody holds the lock: the hold has ended, or never was.",
    members: { reason },
  })
}
