// The operations of the lock service: each answers one request, and keeps no state.
import type { ReleaseResult } from "../../events.js"
import { LockLostError, type LossReason } from "../../errors.js"
import type { Lock } from "../../hold/lock.js"
import { ensureWholeTtl } from "../../hold/lock-group.js"
import { LockManager } from "../../lock-manager.js"
import type { ResolvedManagerOptions } from "../../manager-options.js"
import { callDatabase } from "../../redis/retry.js"
import type { Claim } from "../../redis/store.js"
import { parseDuration } from "../../time/duration.js"
import { elapsedMs, now, type Validity } from "../../time/validity.js"
import { invalid } from "../../values/invalid-argument.js"
import { GONE } from "../problem.js"
import { waitUntilOf } from "./execution-context.js"
import { LOCK_TOKEN, readLockToken, writeLockToken } from "./lock-token.js"
import { readJson } from "./read-json.js"
import { checked, Refusal } from "./refusal.js"
import type { Context } from "hono"

/** The largest values that a client may request. */
export interface Bounds {
  readonly maxTtlMs: number
  readonly maxWaitMs: number
}

/** An authorized request. */
export interface Operation {
  readonly c: Context
  readonly locks: LockManager
  readonly name: string
  readonly body: Uint8Array
  readonly bounds: Bounds
}

/** The ttl if the client sends none. */
const DEFAULT_TTL_MS = 30_000

export const OPERATIONS = { acquire, extend, release, inspect } as const

async function acquire({ c, locks, name, body: bytes, bounds }: Operation): Promise<Response> {
  const { signal } = c.req.raw
  const body = readJson(bytes, c.req.header("Content-Type"), ["ttl", "wait", "fencing"])
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
    // A short lease would end soon after this request, since nothing renews it.
    await ensureWholeTtl(lock, ttl)
  } catch (error) {
    // Also if it was lost: an extension that was executed, but answered too late, may have kept it.
    await lock[Symbol.asyncDispose]()
    throw error instanceof LockLostError ? notHeld(error.reason) : error
  }
  if (signal.aborted) {
    await lock[Symbol.asyncDispose]()
    throw new Refusal(GONE)
  }
  const remainingMs = Math.floor(lock.remainingMs)
  const { token, fencingToken } = lock.transfer()
  const waitedMs = Math.floor(elapsedMs(startedAt))
  return c.json({ name, remainingMs, waitedMs, fencingToken }, 201, {
    [LOCK_TOKEN]: writeLockToken(token),
  })
}

async function extend({ c, locks, name, body: bytes, bounds }: Operation): Promise<Response> {
  const token = readLockToken(c.req.header(LOCK_TOKEN))
  const body = readJson(bytes, c.req.header("Content-Type"), ["ttl"])
  const ttl = readTtl(body.ttl, locks, bounds)
  const validity = await extendClaim(LockManager.settingsOf(locks), claimOf(c, name, token), ttl)
  if (typeof validity === "string") throw notHeld(validity)
  return c.json({ name, remainingMs: Math.floor(validity.remainingMs) })
}

async function release({ c, locks, name }: Operation): Promise<Response> {
  const token = readLockToken(c.req.header(LOCK_TOKEN))
  const result = await releaseClaim(LockManager.settingsOf(locks), claimOf(c, name, token))
  if (result !== "released") throw notHeld(result)
  return c.body(null, 204)
}

async function inspect({ c, locks, name }: Operation): Promise<Response> {
  const { isHeld, remainingMs: left, waiting } = await locks.inspect(name)
  // JSON has no Infinity. Only a foreign key has no ttl.
  const remainingMs = left === Infinity ? null : left
  return c.json({ name, isHeld, remainingMs, waiting })
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
    LockManager.settingsOf(locks).store.checkTtl?.(ttlMs)
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

/** A hold that expired, was deleted or never existed is the same to a client: "gone". */
function notHeld(loss: LossReason | "gone"): Refusal {
  const reason = loss === "taken" || loss === "stolen" ? loss : "gone"
  return new Refusal({
    type: "lock-not-held",
    status: 409,
    title: "Lock not held",
    detail:
      reason === "gone"
        ? "The lock is not held: the hold has ended or never existed."
        : "Another caller holds the lock.",
    members: { reason },
  })
}

/** @throws `LockBackendError` */
export function extendClaim(
  plan: ResolvedManagerOptions,
  claim: Claim,
  ttlMs: number,
): Promise<Validity | "taken" | "gone" | "stolen"> {
  const extension = (leftMs: number) => plan.store.extend({ ...claim, ttlMs }, leftMs)
  return callDatabase(claim.name, "extend", extension, { withinMs: plan.timeoutMs })
}

/** @throws `LockBackendError` */
export async function releaseClaim(
  plan: ResolvedManagerOptions,
  claim: Claim,
): Promise<ReleaseResult> {
  let mayBeReleased = false as boolean
  const release = (leftMs: number) => plan.store.release(claim, leftMs)
  const result = await callDatabase(claim.name, "release", release, {
    withinMs: plan.timeoutMs,
    onUnknown: () => {
      mayBeReleased = true
    },
  })
  // After a release whose reply was lost, a new holder got the lock from us.
  return mayBeReleased ? "released" : result
}
