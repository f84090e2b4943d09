// The options of a guard: which lock a request needs, how it is held, and what is answered without it.
import type { LockBackendError, LockLostError, LockTimeoutError } from "../errors.js"
import type { FencedLock, Lock } from "../hold/lock.js"
import { LockManager } from "../lock-manager.js"
import {
  type AcquireOptions,
  type HoldOptions,
  type LockMode,
  resolveAcquireOptions,
} from "../options.js"
import { type Duration, MAX_TIMER_MS, parseDuration } from "../time/duration.js"
import { checkCount, invalid, show } from "../values/invalid-argument.js"
import type { BodyBounds } from "./read-ahead.js"

/** When a guard releases its lock. */
export type ReleaseTime = "before-response" | "after-response" | "after-body"

const RELEASE_TIMES: readonly ReleaseTime[] = ["before-response", "after-response", "after-body"]

/** About the most that functions on Vercel accept; one that takes longer is not sent by a healthy client. */
export const DEFAULT_BODY: BodyBounds = { maxBytes: 4_194_304, timeoutMs: 30_000 }

/** The option that answers to an error of the lock's, by its code. */
export const ANSWERS = { timeout: "onBusy", lost: "onLost", backend: "onError" } as const

/** An answer, now or later. */
type Answer = Response | Promise<Response>

/** @typeParam Args what the callbacks are given: Hono's context, or what a handler is called with */
export interface GuardOptions<Args extends readonly unknown[]> {
  /**
   * The manager, or a function that makes it for the request: where the database is known from the request's
   * environment alone, as on Workers.
   *
   * @example `locks: (c) => LockManager.fromEnv(env(c))` with `env` of `hono/adapter`
   */
  readonly locks: LockManager | ((...args: Args) => LockManager)
  /**
   * The lock's name, or a function that derives it from the request. If the function returns undefined, an empty
   * name, or one that no lock can have, the request gets a 400: otherwise all such requests would share one lock.
   */
  readonly name: string | ((...args: Args) => string | undefined | Promise<string | undefined>)
  /**
   * `shared` lets in those together that want to share the lock, and keeps them from those that want it alone: for
   * routes that only read what others write.
   *
   * @default "exclusive"
   */
  readonly mode?: LockMode | undefined
  /**
   * How long the hold outlives a holder that died, as for `acquire`.
   *
   * @default the manager's, "30s" unless it was given another
   */
  readonly ttl?: Duration | undefined
  /**
   * The longest time to wait for the lock. A request that waits is one that is open; 0 refuses it at once.
   *
   * @default 0, whatever the manager's
   */
  readonly wait?: Duration | undefined
  /**
   * Whether to keep the hold alive while the handler runs. `{ maxHold }` bounds that.
   *
   * @default the manager's, true unless it was given another
   */
  readonly renew?: HoldOptions["renew"]
  /**
   * Mint a fencing token with the grant: `fencingToken` is then a number.
   *
   * @default false
   */
  readonly fencing?: boolean | undefined
  /**
   * When the request's body is read.
   *
   * - `{ maxBytes, timeout }`: before the lock is taken, so that a client that sends slowly keeps nobody else waiting.
   *   A larger body is answered with 413, a slower one with 408. The handler reads it as usual, from memory; larger
   *   bounds let more requests fill that memory, for longer. `maxBytes` is a positive integer, `timeout` at least 1 ms.
   * - `"streamed"`: when the handler reads it. For uploads that do not fit in memory.
   *
   * > [!WARNING]
   * > With `"streamed"`, a client that sends slowly holds the lock for as long. Bound that with `renew: { maxHold }`.
   *
   * @default { maxBytes: 4_194_304, timeout: "30s" }
   */
  readonly body?:
    | "streamed"
    | {
        readonly maxBytes?: number | undefined
        readonly timeout?: Duration | undefined
      }
    | undefined
  /**
   * When to release the lock.
   *
   * - `after-response`: when the handler has returned its response, without delaying that. The client's next request
   *   may still find the lock held, for about one round trip to the database.
   * - `before-response`: the same moment, but the response waits for it: one round trip more, after which the lock is
   *   known to be free.
   * - `after-body`: when the response's body has been read to its end, was cancelled, or failed: for responses that
   *   are streamed. A client that reads slowly holds the lock for as long; bound it with `renew: { maxHold }`.
   *
   * @default "after-response"
   */
  readonly release?: ReleaseTime | undefined
  /**
   * Run the handler although the database failed.
   *
   * > [!WARNING]
   * > Then it runs without the lock, and so possibly twice at the same time; it has no `lock`.
   *
   * @default false
   */
  readonly failOpen?: boolean | undefined
  /**
   * What to answer when somebody else holds the lock, or held it for all of the wait. To throw is allowed as well.
   *
   * @default 423 with a `Retry-After` of 1 to 5 s and a problem of the type `lock-busy`
   */
  readonly onBusy?: ((error: LockTimeoutError, ...args: Args) => Answer) | undefined
  /**
   * What to answer when the lock was lost while the handler ran. It is answered at once; the handler goes on.
   *
   * @default 500 without `Retry-After` and a problem of the type `lock-lost`: the outcome is unknown
   */
  readonly onLost?: ((error: LockLostError, ...args: Args) => Answer) | undefined
  /**
   * What to answer when the database failed, so that the lock could not be had.
   *
   * @default 503 and a problem of the type `lock-unavailable`; with `Retry-After` unless the database refused
   */
  readonly onError?: ((error: LockBackendError, ...args: Args) => Answer) | undefined
}

/** The lock as a handler gets it: with a fencing token if that was asked for, undefined if it may run without. */
export type HeldLock<Fencing, FailOpen> =
  (Fencing extends true ? FencedLock : Lock) | (FailOpen extends true ? undefined : never)

/** Checked options. */
export interface GuardPlan<Args extends readonly unknown[]> extends Omit<
  GuardOptions<Args>,
  "body"
> {
  /** The bounds of a body that is read before the lock is taken. */
  readonly body: BodyBounds | undefined
  readonly release: ReleaseTime
  /** How the lock is taken. */
  readonly hold: AcquireOptions
}

/** @throws `TypeError` or `RangeError` that names the option. */
export function planGuard<Args extends readonly unknown[]>(
  options: GuardOptions<Args>,
): GuardPlan<Args> {
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
  const { mode, ttl, wait = 0, renew, fencing } = options
  const hold = { mode, ttl, wait, renew, fencing }
  resolveAcquireOptions(hold)
  return { ...options, body: planBody(options.body), release, hold }
}

/** @throws `TypeError` or `RangeError` that names the option. */
function planBody(
  body: GuardOptions<readonly unknown[]>["body"] = {},
): GuardPlan<readonly unknown[]>["body"] {
  if (body === "streamed") return undefined
  if (typeof body !== "object" || (body as unknown) === null) {
    throw invalid("body", '"streamed" or { maxBytes, timeout }', body)
  }
  const { maxBytes = DEFAULT_BODY.maxBytes, timeout = DEFAULT_BODY.timeoutMs } = body
  checkCount("body.maxBytes", maxBytes)
  const timeoutMs = parseDuration("body.timeout", timeout, { min: 1, max: MAX_TIMER_MS })
  return { maxBytes, timeoutMs }
}

/** @throws `TypeError` for what is no manager. */
export function managerOf(locks: unknown): LockManager {
  if (locks instanceof LockManager) return locks
  throw invalid("locks", "a LockManager or a function that returns one", locks)
}

/** @throws `TypeError` for what is no name, or an empty one. */
export function checkLockName(name: unknown): string {
  if (typeof name === "string" && name !== "") return name
  throw new TypeError(`name: must be text that is not empty, got ${show(name)}`)
}
