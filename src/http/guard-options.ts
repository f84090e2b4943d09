// The options of a guard: which lock a request needs, how it is held, and what a request without it gets.
import type { LockBackendError, LockLostError, LockTimeoutError } from "../errors.js"
import type { FencedLock, Lock } from "../hold/lock.js"
import { LockManager } from "../lock-manager.js"
import {
  type AcquireOptions,
  type HoldOptions,
  type LockMode,
  resolveAcquireOptions,
} from "../options.js"
import { type Duration, parseDuration } from "../time/duration.js"
import { invalid, notSupported, show } from "../values/invalid-argument.js"
import { type BodyBounds, type BodyOption, resolveBody } from "./read-ahead.js"

/** When a guard releases its lock. */
export type ReleaseTime = "before-response" | "after-response" | "after-body"

const RELEASE_TIMES: readonly ReleaseTime[] = ["before-response", "after-response", "after-body"]

/** What a guard does when the lock is held. */
export type Conflict = "refuse" | "wait" | "preempt"

const CONFLICTS: readonly Conflict[] = ["refuse", "wait", "preempt"]

/** A steal does not wait, but it takes more than one try while the lock changes hands all the time. */
const LONGEST_STEAL_MS = 10_000

/** The option that answers an error of the lock, by the error's code. */
export const ANSWERS = { timeout: "onBusy", lost: "onLost", backend: "onError" } as const

/** An answer, now or later. */
type Answer = Response | Promise<Response>

/** @typeParam Args the arguments of the callbacks: Hono's context, or the arguments of the handler */
export interface GuardOptions<Args extends readonly unknown[]> {
  /**
   * The manager, or a function that creates it for the request: use a function where only the request's environment
   * tells the database, as on Workers.
   *
   * @example
   * ```ts
   * import { env } from "hono/adapter"
   * import { LockManager } from "fetchlock"
   * import { lock } from "fetchlock/hono"
   *
   * const guarded = lock({ locks: (c) => LockManager.fromEnv(env(c)), name: "nightly" })
   * ```
   */
  readonly locks: LockManager | ((...args: Args) => LockManager)
  /**
   * The lock's name, or a function that derives it from the request. If the function returns undefined, an empty
   * string, or an invalid name, the request gets a 400: otherwise all such requests would share one lock.
   */
  readonly name: string | ((...args: Args) => string | undefined | Promise<string | undefined>)
  /**
   * `shared` lets several requests hold the lock at the same time, and excludes them from exclusive holders: for routes
   * that only read data that other routes write.
   *
   * @default "exclusive"
   */
  readonly mode?: LockMode | undefined
  /**
   * How long the hold remains if its holder dies, as for `acquire`.
   *
   * @default the manager's ttl, which defaults to "30s"
   */
  readonly ttl?: Duration | undefined
  /**
   * What a request does when another one holds the lock.
   *
   * - `refuse`: it gets a 423 at once.
   * - `wait`: it waits for `wait`, and gets a 423 then.
   * - `preempt`: it takes the lock. The signal of the other request's lock aborts about half a round trip later, with the
   *   reason `stolen`, and its client gets a 409 at once; if its response is being streamed under the lock (`release: "after-body"`),
   *   the body ends with an error. For routes where only the newest request matters: the answer to a chat message, a search
   *   while the user types. Each request opens one stream, and checks its hold once: two requests to the database.
   *   Not together with `wait` or the shared mode, and not on a quorum.
   *
   * > [!WARNING]
   * > With `preempt`, the handlers of two requests run at the same time until the older one obeys its `lock.signal`.
   *
   * @default "wait" if `wait` is longer than 0, else "refuse"
   */
  readonly conflict?: Conflict | undefined
  /**
   * The longest time to wait for the lock. A waiting request keeps its connection open; 0 refuses it at once.
   *
   * @default 0, regardless of the manager's; with `conflict: "wait"` the manager's, which defaults to "10s"
   */
  readonly wait?: Duration | undefined
  /**
   * Whether to keep the hold alive while the handler runs. `{ maxHold }` bounds that.
   *
   * @default the manager's `renew`, which defaults to true
   */
  readonly renew?: HoldOptions["renew"]
  /**
   * Mint a fencing token with the grant: `fencingToken` is then a number.
   *
   * @default false
   */
  readonly fencing?: boolean | undefined
  /**
   * When to read the request's body.
   *
   * - `{ maxBytes, timeout }`: before the lock is acquired, so that a client that sends slowly does not make others wait.
   *   A larger body gets a 413, a slower one a 408. The handler reads it as usual, from memory; larger bounds let
   *   requests use more memory, for longer. `maxBytes` is a positive integer, `timeout` at least 1 ms.
   * - `"streamed"`: when the handler reads it. For uploads that do not fit in memory.
   *
   * > [!WARNING]
   * > With `"streamed"`, a client that sends slowly holds the lock all that time. Limit it with `renew: { maxHold }`.
   *
   * @default { maxBytes: 4_194_304, timeout: "30s" }
   */
  readonly body?: BodyOption | undefined
  /**
   * When to release the lock.
   *
   * - `after-response`: when the handler has returned its response, without delaying it. For about one round trip to the
   *   database, the client's next request may still find the lock held.
   * - `before-response`: at the same moment, but the response waits for the release: it takes one round trip more, and
   *   the lock is then known to be free.
   * - `after-body`: when the response's body has been read to its end, was canceled, or failed: for streamed responses.
   *   A client that reads slowly holds the lock all that time; limit it with `renew: { maxHold }`.
   *
   * @default "after-response"
   */
  readonly release?: ReleaseTime | undefined
  /**
   * Run the handler even if the database failed.
   *
   * > [!WARNING]
   * > It then runs without a lock, so possibly several times at once, and `lock` is undefined.
   *
   * @default false
   */
  readonly failOpen?: boolean | undefined
  /**
   * Answers a request that did not get the lock, because it was held for the whole wait. It may also throw.
   *
   * @default 423 with a `Retry-After` of 1 to 5 s and a problem of the type `lock-busy`
   */
  readonly onBusy?: ((error: LockTimeoutError, ...args: Args) => Answer) | undefined
  /**
   * Answers a request whose lock was lost while the handler ran. The answer is sent at once; the handler continues.
   *
   * @default 500 without `Retry-After` and a problem of the type `lock-lost`: the outcome is unknown. With
   *   `conflict: "preempt"`, 409 and a problem of the type `lock-preempted` if the lock was stolen
   */
  readonly onLost?: ((error: LockLostError, ...args: Args) => Answer) | undefined
  /**
   * Answers a request that did not get the lock because the database failed.
   *
   * @default 503 and a problem of the type `lock-unavailable`; with `Retry-After` unless the database refused
   */
  readonly onError?: ((error: LockBackendError, ...args: Args) => Answer) | undefined
}

/** The handler's lock: with a fencing token if `fencing` is set, possibly undefined if `failOpen` is set. */
export type HeldLock<Fencing, FailOpen> =
  (Fencing extends true ? FencedLock : Lock) | (FailOpen extends true ? undefined : never)

/** Checked options. */
export interface ResolvedGuardOptions<Args extends readonly unknown[]> extends Omit<
  GuardOptions<Args>,
  "body"
> {
  /** The bounds of a body that is read before the lock is acquired; undefined for a streamed one. */
  readonly body: BodyBounds | undefined
  readonly release: ReleaseTime
  /** Whether it steals the lock. */
  readonly preempts: boolean
  /** The options of `acquire`. */
  readonly hold: AcquireOptions
}

/** @throws `TypeError` or `RangeError` that names the option. */
export function resolveGuardOptions<Args extends readonly unknown[]>(
  options: GuardOptions<Args>,
): ResolvedGuardOptions<Args> {
  const { locks, name, release = "after-response", failOpen } = options
  if (typeof locks !== "function") managerOf(locks)
  if (typeof name !== "function") checkLockName(name)
  if (!RELEASE_TIMES.includes(release)) {
    throw invalid("release", `one of ${RELEASE_TIMES.join(", ")}`, release)
  }
  if (failOpen !== undefined && typeof failOpen !== "boolean") {
    throw invalid("failOpen", "a boolean", failOpen)
  }
  for (const option of Object.values(ANSWERS)) {
    const given = options[option]
    if (given !== undefined && typeof given !== "function") {
      throw invalid(option, "a function", given)
    }
  }
  const { mode, ttl, wait, renew, fencing, conflict } = options
  const preempts = conflict === "preempt"
  checkConflict(options)
  const defaultWait = preempts ? LONGEST_STEAL_MS : conflict === "wait" ? undefined : 0
  const own = { wait: wait ?? defaultWait, watch: preempts || undefined }
  const hold = { mode, ttl, renew, fencing, ...own }
  resolveAcquireOptions(hold)
  return { ...options, body: resolveBody(options.body), release, preempts, hold }
}

function excluded(option: string, value: unknown, conflict: Conflict): DOMException {
  return notSupported(`${option}: cannot be ${show(value)} with conflict: "${conflict}"`)
}

/** @throws `TypeError` for a value that is not known, `NotSupportedError` for options that exclude each other. */
function checkConflict<Args extends readonly unknown[]>(options: GuardOptions<Args>): void {
  const { conflict, wait, mode, locks } = options
  if (conflict === undefined) return
  if (!CONFLICTS.includes(conflict)) {
    throw invalid("conflict", `one of ${CONFLICTS.join(", ")}`, conflict)
  }
  if (wait !== undefined) {
    const waits = parseDuration("wait", wait, { min: 0, max: Infinity }) > 0
    if (waits !== (conflict === "wait")) throw excluded("wait", wait, conflict)
  }
  if (conflict !== "preempt") return
  if (mode === "shared") throw excluded("mode", mode, conflict)
  if (typeof locks === "function") return
  const { single } = LockManager.settingsOf(locks).store
  if (typeof single === "string") throw notSupported(`conflict: "preempt" ${single}`)
}

/** @throws `TypeError` if it is not a manager. */
export function managerOf(locks: unknown): LockManager {
  if (locks instanceof LockManager) return locks
  throw invalid("locks", "a LockManager or a function that returns one", locks)
}

/** @throws `TypeError` if it is not a non-empty string. */
export function checkLockName(name: unknown): string {
  if (typeof name === "string" && name !== "") return name
  throw new TypeError(`name: must be a non-empty string, got ${show(name)}`)
}
