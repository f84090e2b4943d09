// Reads everything about locks that a person may want to know: holders, waiters, reasons, fencing tokens.
import { LockBackendError } from "../errors.js"
import { LockManager } from "../lock-manager.js"
import type { LockMode } from "../options.js"
import type { HeldLockInfo, LockManagerSnapshot, PendingLockInfo } from "../query.js"
import { fenceKeys, noteKey } from "../redis/keys.js"
import * as scripts from "../redis/lua/scripts.js"
import { RedisError, unexpectedReply } from "../redis/redis-error.js"
import { readInteger, readText } from "../redis/replies.js"
import { retryUntilKnown } from "../redis/retry.js"
import type { LockStore, NamePage, ScriptDatabase, SingleDatabase } from "../redis/store.js"

/** A holder or a waiter. */
interface Client {
  /** Empty for a program that does not use this library. */
  readonly clientId: string
  readonly mode: LockMode
  readonly reason?: string
}

export interface HolderDetails extends Client {
  /** Null: its key never expires. */
  readonly remainingMs: number | null
}

export interface WaiterDetails extends Client {
  /** The number of waiters before it. */
  readonly place: number
  readonly waitedMs: number
}

export interface LockDetails {
  readonly name: string
  readonly holders: readonly HolderDetails[]
  readonly waiters: readonly WaiterDetails[]
  /** The last one that was minted for this name; null if there was none within a day. */
  readonly fencingToken: number | null
}

/** Keys of one request. */
const MOST_KEYS = 500
/** Locks of one request. */
const MOST_NAMES = 50
const WITHIN_MS = 5_000

/** Adds the facts that a snapshot does not contain, and sorts everything by name. */
export async function withDetails(
  locks: LockManager,
  { held, pending }: Pick<LockManagerSnapshot, "held" | "pending">,
): Promise<LockDetails[]> {
  const { single, prefix } = databaseOf(locks)
  const names = [...new Set([...held, ...pending].map(({ name }) => name))].sort()
  const keys = new Set<string>()
  const noteOf = (client: { name: string; clientId: string }) =>
    client.clientId === "" ? "" : noteKey(prefix, client.name, client.clientId)
  const counterOf = (name: string) => fenceKeys(prefix, name)[1] ?? ""
  for (const name of names) keys.add(counterOf(name))
  for (const client of [...held, ...pending]) if (client.clientId !== "") keys.add(noteOf(client))
  const { values, timeMs } = await readValues(single.database, [...keys])
  const reasonOf = (client: { name: string; clientId: string }) => {
    const reason = values.get(noteOf(client))
    return reason === undefined ? {} : { reason }
  }
  const byName = new Map(
    names.map((name) => [name, { holders: [] as HolderDetails[], waiters: [] as WaiterDetails[] }]),
  )
  for (const one of held) {
    const { name, clientId, mode, remainingMs } = one
    const leftMs = remainingMs === Infinity ? null : remainingMs
    byName.get(name)?.holders.push({ clientId, mode, remainingMs: leftMs, ...reasonOf(one) })
  }
  for (const one of pending) {
    const { name, clientId, mode, sinceMs } = one
    const waiters = byName.get(name)?.waiters
    const waitedMs = Math.max(0, timeMs - sinceMs)
    waiters?.push({ clientId, mode, place: waiters.length, waitedMs, ...reasonOf(one) })
  }
  return [...byName].map(([name, parties]) => {
    const counter = values.get(counterOf(name))
    return { name, ...parties, fencingToken: counter === undefined ? null : readInteger(counter) }
  })
}

/** The same for one lock, also if it is free. */
export async function detailsOf(locks: LockManager, name: string): Promise<LockDetails> {
  const [details] = await withDetails(locks, await locks.query({ name }))
  return details ?? freeLock(name)
}

/** The same for each of these locks, in their order. At most `most` holders and waiters of each are listed. */
export async function detailsOfAll(
  locks: LockManager,
  names: readonly string[],
  most: number,
): Promise<LockDetails[]> {
  const { single } = databaseOf(locks)
  const held: HeldLockInfo[] = []
  const pending: PendingLockInfo[] = []
  for (let i = 0; i < names.length; i += MOST_NAMES) {
    const some = names.slice(i, i + MOST_NAMES)
    const snapshots = await readRetrying((timeoutMs) => single.snapshot(some, most, timeoutMs))
    for (const [at, snapshot] of snapshots.entries()) {
      const name = some[at] ?? ""
      held.push(...snapshot.held.map(({ ms, ...party }) => ({ name, ...party, remainingMs: ms })))
      pending.push(...snapshot.pending.map(({ ms, ...party }) => ({ name, ...party, sinceMs: ms })))
    }
  }
  const found = new Map((await withDetails(locks, { held, pending })).map((one) => [one.name, one]))
  return names.map((name) => found.get(name) ?? freeLock(name))
}

/** One page of the names of locks that are held. */
export function scanNames(locks: LockManager, cursor: string, count: number): Promise<NamePage> {
  const { single } = databaseOf(locks)
  return readRetrying((timeoutMs) => single.scan(cursor, count, timeoutMs))
}

function freeLock(name: string): LockDetails {
  return { name, holders: [], waiters: [], fencingToken: null }
}

/** Stores why a client holds or awaits a lock, or deletes that. For people only, so a failure does not matter. */
export async function writeNote(
  locks: LockManager,
  name: string,
  text: string,
  ttlMs: number,
): Promise<void> {
  const { single, prefix, timeoutMs } = databaseOf(locks)
  const key = noteKey(prefix, name, locks.clientId)
  await single.database
    .run(scripts.note, [key], [text, String(ttlMs)], timeoutMs)
    .catch((error: unknown) => {
      if (!(error instanceof RedisError)) throw error
    })
}

/** The database and the settings of a manager. */
export function databaseOf(locks: LockManager): {
  store: LockStore
  single: SingleDatabase
  prefix: string
  timeoutMs: number
} {
  const { store, prefix, timeoutMs } = LockManager.settingsOf(locks)
  const { single } = store
  // This program never opens a quorum.
  if (typeof single === "string") throw new Error(single)
  return { store, single, prefix, timeoutMs }
}

async function readValues(
  database: ScriptDatabase,
  keys: readonly string[],
): Promise<{ values: Map<string, string>; timeMs: number }> {
  const values = new Map<string, string>()
  let timeMs = 0
  for (let i = 0; i < keys.length; i += MOST_KEYS) {
    const some = keys.slice(i, i + MOST_KEYS)
    const reply = await readRetrying((timeoutMs) =>
      database.run(scripts.details, some, [], timeoutMs),
    )
    const [time, found] = Array.isArray(reply) ? (reply as unknown[]) : []
    if (!Array.isArray(found)) throw unexpectedReply()
    timeMs = readInteger(time)
    for (const [at, key] of some.entries()) {
      const value: unknown = found[at]
      if (value !== null && value !== undefined && value !== false) values.set(key, readText(value))
    }
  }
  return { values, timeMs }
}

/** @throws `LockBackendError` when the database failed. */
export async function readRetrying<T>(read: (timeoutMs: number) => Promise<T>): Promise<T> {
  try {
    return await retryUntilKnown(read, { withinMs: WITHIN_MS })
  } catch (error) {
    throw error instanceof RedisError ? new LockBackendError("", "query", error) : error
  }
}
