// Lists the holders and waiters of locks, in the form of the Web Locks standard.
import type { LockMode } from "./options.js"
import type { NamePage, Party, SingleDatabase } from "./redis/store.js"
import { checkCount } from "./values/invalid-argument.js"

/** Which locks to list. */
export interface QueryOptions {
  /**
   * Only this lock, with one request. Without a name, all locks under the manager's prefix are listed, which scans the whole
   * database: one request for each 1,000 keys of any kind.
   *
   * @default all
   */
  readonly name?: string | undefined
  /**
   * The most locks to list, and the most holders and waiters to list for each of them: a positive integer.
   *
   * @default 1000
   */
  readonly limit?: number | undefined
}

/** The standard's facts about a lock. */
interface LockFacts {
  /** The name of the lock, without the manager's prefix. */
  readonly name: string
  /** How it is held, or is to be held; the permits of a semaphore are `shared`. */
  readonly mode: LockMode
  /** The owner; empty for a holder that does not use this library. */
  readonly clientId: string
}

/** A hold. */
export interface HeldLockInfo extends LockFacts {
  /** How long it lasts unless extended, in milliseconds; Infinity for a key without a ttl. */
  readonly remainingMs: number
}

/** A request that waits. */
export interface PendingLockInfo extends LockFacts {
  /** When it came: epoch milliseconds by the database's clock. */
  readonly sinceMs: number
}

/** The holders and waiters of locks. Each lock was read at one moment, but not all at the same moment. */
export interface LockManagerSnapshot {
  /** The holds. */
  readonly held: HeldLockInfo[]
  /** In the order of arrival. A waiter that died is included until its turn would have come. */
  readonly pending: PendingLockInfo[]
  /** Whether `limit` left nothing out. */
  readonly isComplete: boolean
}

/** Runs an operation, and again while its outcome is unknown. */
export type Read = <T>(operation: (timeoutMs: number) => Promise<T>) => Promise<T>

/** How many keys the database scans for one request. */
const KEYS_A_PAGE = 1_000
/** How many locks are read with one request. */
const LOCKS_A_REQUEST = 50

export async function query(
  database: SingleDatabase,
  read: Read,
  options: QueryOptions = {},
): Promise<LockManagerSnapshot> {
  const { name, limit = 1_000 } = options
  checkCount("limit", limit)
  const { names, isComplete } =
    name === undefined
      ? await namesOfAll(database, read, limit)
      : { names: [name], isComplete: true }
  const result = { held: [] as HeldLockInfo[], pending: [] as PendingLockInfo[], isComplete }
  for (let i = 0; i < names.length; i += LOCKS_A_REQUEST) {
    const some = names.slice(i, i + LOCKS_A_REQUEST)
    // One more than is listed shows whether any are left out.
    const snapshots = await read((timeoutMs) => database.snapshot(some, limit + 1, timeoutMs))
    for (const [at, { held, pending }] of snapshots.entries()) {
      const of = some[at] ?? ""
      const shown = [held, pending].map((parties) => parties.slice(0, limit))
      result.isComplete &&= held.length <= limit && pending.length <= limit
      result.held.push(...(shown[0] ?? []).map((p) => ({ ...facts(of, p), remainingMs: p.ms })))
      result.pending.push(...(shown[1] ?? []).map((p) => ({ ...facts(of, p), sinceMs: p.ms })))
    }
  }
  return result
}

function facts(name: string, { mode, clientId }: Party): LockFacts {
  return { name, mode, clientId }
}

async function namesOfAll(
  database: SingleDatabase,
  read: Read,
  limit: number,
): Promise<{ names: string[]; isComplete: boolean }> {
  const names = new Set<string>()
  let cursor = "0"
  do {
    const page: NamePage = await read((ms) => database.scan(cursor, KEYS_A_PAGE, ms))
    for (const name of page.names) {
      if (names.size >= limit && !names.has(name)) return { names: [...names], isComplete: false }
      names.add(name)
    }
    cursor = page.next
  } while (cursor !== "0")
  return { names: [...names], isComplete: true }
}

/** The state of a lock, from `locks.inspect()`. It contains no token. */
export interface LockStatus {
  /** The name that was passed. */
  readonly name: string
  /** Whether it is held, by this library or another program. */
  readonly isHeld: boolean
  /** How long its hold lasts unless extended, in milliseconds; 0 if it is not held, Infinity for a key without a ttl. */
  readonly remainingMs: number
  /** The number of waiters in its queue, including those that died within the last 30 s. */
  readonly waiting: number
}
