// Says who holds which locks and who waits for them, in the form of the Web Locks standard.
import type { LockMode } from "./options.js"
import type { NamePage, Party, SingleDatabase } from "./redis/store.js"
import { checkCount } from "./values/invalid-argument.js"

/** Which locks to look at. */
export interface QueryOptions {
  /**
   * One lock alone, for one request. Without it all locks under the manager's prefix are looked for, which walks
   * through the whole database: a request for each 1,000 keys of it, whoever they belong to.
   *
   * @default all
   */
  readonly name?: string | undefined
  /**
   * How many locks to look at, and how many holders and waiters to list for each of them: a whole number from 1 on.
   *
   * @default 1000
   */
  readonly limit?: number | undefined
}

/** What the standard says of a lock. */
interface LockFacts {
  readonly name: string
  readonly mode: LockMode
  /** Whose it is; empty where the holder is none of this library. */
  readonly clientId: string
}

/** A hold. */
export interface HeldLockInfo extends LockFacts {
  /** How long it lasts unless it is extended, in milliseconds; Infinity for a key without a ttl. */
  readonly remainingMs: number
}

/** A request that waits. */
export interface PendingLockInfo extends LockFacts {
  /** When it came: epoch milliseconds by the database's clock. */
  readonly sinceMs: number
}

/** Who held which locks, and who waited for them. Each lock is seen at one moment, all of them not at the same one. */
export interface LockManagerSnapshot {
  readonly held: HeldLockInfo[]
  /** First come, first. Those that died while they waited are among them until their turn would have come. */
  readonly pending: PendingLockInfo[]
  /** Whether `limit` left nothing out. */
  readonly isComplete: boolean
}

/** Sends one question, and again while its outcome is unknown. */
export type Ask = <T>(question: (timeoutMs: number) => Promise<T>) => Promise<T>

/** So many keys the database looks at for one request. */
const KEYS_A_PAGE = 1_000
/** So many locks are looked at with one request. */
const LOCKS_A_REQUEST = 50

export async function query(
  database: SingleDatabase,
  ask: Ask,
  options: QueryOptions = {},
): Promise<LockManagerSnapshot> {
  const { name, limit = 1_000 } = options
  checkCount("limit", limit)
  const { names, isComplete } =
    name === undefined
      ? await namesOfAll(database, ask, limit)
      : { names: [name], isComplete: true }
  const result = { held: [] as HeldLockInfo[], pending: [] as PendingLockInfo[], isComplete }
  for (let i = 0; i < names.length; i += LOCKS_A_REQUEST) {
    const some = names.slice(i, i + LOCKS_A_REQUEST)
    // One more than is shown says whether something is left out.
    const snapshots = await ask((timeoutMs) => database.snapshot(some, limit + 1, timeoutMs))
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
  ask: Ask,
  limit: number,
): Promise<{ names: string[]; isComplete: boolean }> {
  const names = new Set<string>()
  let cursor = "0"
  do {
    const page: NamePage = await ask((ms) => database.scan(cursor, KEYS_A_PAGE, ms))
    for (const name of page.names) {
      if (names.size >= limit && !names.has(name)) return { names: [...names], isComplete: false }
      names.add(name)
    }
    cursor = page.next
  } while (cursor !== "0")
  return { names: [...names], isComplete: true }
}

/** A lock as `locks.inspect()` found it. It holds no token. */
export interface LockStatus {
  readonly name: string
  /** Whether somebody holds it, of this library or not. */
  readonly isHeld: boolean
  /** How long its hold lasts unless it is extended, in milliseconds; 0 when nobody holds it, Infinity for a key without a ttl. */
  readonly remainingMs: number
  /** How many wait in its queue, those included that died within the last 30 s. */
  readonly waiting: number
}
