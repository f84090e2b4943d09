// The options of the calls: their meaning, their defaults, and their validation.
import { type Duration, MAX_TIMER_MS, parseDuration, parseTtl } from "./time/duration.js"
import { checkCount, invalid, notSupported } from "./values/invalid-argument.js"
import { safeCallback } from "./values/safe-callback.js"

/** How a lock is held. Each option may be passed to the manager as a default for all calls. */
export interface HoldOptions {
  /**
   * How long the hold outlives a holder that died: at least 10 ms. All others wait that long after a crash, so a shorter ttl
   * recovers sooner; a longer one saves renewals and survives longer outages.
   *
   * @default "30s"
   */
  readonly ttl?: Duration | undefined
  /**
   * Whether to keep the hold alive until it is released, by extending it at each third of its ttl (one request each).
   * A handle that is not reachable any more is no longer renewed, so a leaked lock is free after about one ttl. This needs
   * `WeakRef`; keep the handle, and not only its `signal`, for as long as you need the lock.
   * `{ maxHold }` limits the hold: that long after the grant (at least the ttl) it ends, and its signal aborts. Without
   * it, a callback that never settles holds the lock for as long as its process lives. With `false`, the hold ends with
   * its ttl unless you extend it.
   *
   * @default true
   */
  readonly renew?:
    | boolean
    | {
        /** How long after the grant the hold ends although it is renewed: at least the ttl. @default no limit */
        readonly maxHold?: Duration | undefined
      }
    | undefined
  /**
   * Whether the hold is notified at once when it is stolen (`steal`, `forceRelease`, a guard that preempts): its signal
   * aborts about half a round trip later, with the reason `stolen`. Otherwise it notices that at its next renewal, after
   * up to a third of the ttl. A caller that waited with a stream keeps that stream while it holds; any other opens one, and
   * checks its hold once when that is open: two requests. An open stream keeps a Node process alive. Not supported by a quorum.
   *
   * @default false
   */
  readonly watch?: boolean | undefined
  /**
   * Receives the work that must not end with the request: the whole of a `request`, from its wait to its release, and
   * work that continues after another call has settled (the clean-up after an abort, a release that is retried). On Workers
   * and Vercel, such work ends with the request unless their `waitUntil` knows about it; on Workers also as soon as the
   * client disconnects. The name then stays locked until its ttl ends.
   *
   * @default none
   * @example
   * ```ts
   * import { waitUntil } from "cloudflare:workers"
   *
   * await locks.request("invoice:42", { waitUntil }, (lock) => charge({ signal: lock.signal }))
   * ```
   */
  readonly waitUntil?: WaitUntil | undefined
}

/** Whether a hold is exclusive, or shared with others. As in the Web Locks standard. */
export type LockMode = "exclusive" | "shared"

/** How a lock is taken, without waiting. Each option may be passed to the manager as a default for all calls. */
export interface TryAcquireOptions extends HoldOptions {
  /**
   * `shared` holds exclude exclusive ones, but not each other: readers and a writer. All wait in one queue, so readers
   * that come later do not keep a writer waiting. It costs no more requests, but without contention 14 billed commands
   * for acquire and release instead of 5 (4 on Upstash).
   *
   * @default "exclusive"
   */
  readonly mode?: LockMode | undefined
  /**
   * Aborts the call, which rejects with the signal's reason. It has no effect once the lock is granted.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined
  /**
   * Whether to mint a fencing token with the grant, in the same script: `lock.fencingToken` is then a number. Costs five
   * more billed commands, but no request. Only for exclusive holds.
   *
   * @default false
   */
  readonly fencing?: boolean | undefined
}

/** How a lock is taken, with waiting. Each option may be passed to the manager as a default for all calls. */
export interface AcquireOptions extends TryAcquireOptions {
  /**
   * Whether to be notified of the grant through a stream (server-sent events). It costs one request, and a heartbeat every
   * 10 to 20 s. `false` polls instead, which is slower and costs more requests. A manager notices and remembers that a
   * server refuses streams; if you create a manager for each request, `false` avoids that each of them finds out.
   * Which servers need `false`: docs/safety.md.
   *
   * @default true
   */
  readonly push?: boolean | undefined
  /**
   * The longest time to wait for the lock. 0 does not wait (then a lock that is held costs one request); Infinity waits
   * forever. The last check comes when the wait is over, so the call may take one request longer.
   *
   * @default "10s"
   */
  readonly wait?: Duration | undefined
  /**
   * Try at fixed intervals instead of waiting in the queue (a spin lock): at least 10 ms. A number is milliseconds:
   * write `250` or `"250ms"` for a quarter of a second. Callers that spin overtake each other, and each try is billed as
   * three commands, so shorter intervals cost more.
   *
   * @default none, which means the queue
   */
  readonly interval?: Duration | undefined
  /**
   * The most requests that one wait may cost: a positive integer. The wait ends when the next request would exceed it, even
   * if there is time left; with fewer than two requests left, no stream is opened.
   *
   * @default Infinity
   */
  readonly maxRequests?: number | undefined
}

/** How `request` takes a lock: the options of the Web Locks standard and ours. */
export interface RequestOptions extends AcquireOptions {
  /**
   * Do not wait: call the callback with null if the lock is held.
   *
   * @default false
   */
  readonly ifAvailable?: boolean | undefined
  /**
   * Take the lock from its holder, ahead of the waiters. Throws a `LockTimeoutError` only if the lock changes hands faster
   * than a request travels for all of `wait`. The previous holder finds out at its next renewal or use: its signal aborts,
   * and its `request` rejects with an `AbortError`.
   *
   * > [!WARNING]
   * > Until then, both callers believe that they hold the lock. Fencing tokens help.
   *
   * @default false
   */
  readonly steal?: boolean | undefined
}

/** How `adopt` takes a hold over. */
export type AdoptOptions = HoldOptions

/** How a permit of a semaphore is taken. */
export type SemaphoreOptions = Omit<AcquireOptions, "mode" | "fencing">

/** Each try is billed, and a shorter interval was most likely meant in seconds. */
const SHORTEST_INTERVAL_MS = 10

/** The defaults of the options. */
const DEFAULTS = {
  ttl: "30s",
  renew: true,
  watch: false,
  wait: "10s",
  maxRequests: Infinity,
  fencing: false,
  push: true,
  mode: "exclusive",
} as const

/** Checked hold options, in milliseconds. */
export interface ResolvedHoldOptions {
  readonly mode: LockMode
  readonly ttlMs: number
  readonly renew: boolean
  readonly maxHoldMs: number
  readonly watch: boolean
  readonly waitUntil: WaitUntil
}

/** Checked acquire options, in milliseconds. */
export interface ResolvedAcquireOptions extends ResolvedHoldOptions {
  readonly waitMs: number
  readonly intervalMs: number | undefined
  readonly maxRequests: number
  readonly fencing: boolean
  readonly push: boolean
  readonly signal: AbortSignal | undefined
  /** How many may share the lock: undefined for an exclusive hold. */
  readonly limit: number | undefined
  readonly steal: boolean
}

/** Merges options into defaults; an undefined option counts as not passed. */
export function overlay<T extends object>(defaults: T, options: unknown): T {
  if (options === undefined || options === null) return defaults
  if (typeof options !== "object") {
    throw invalid("options", "an object", options)
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return { ...defaults, ...Object.fromEntries(given) }
}

/** Merges the options of a call into the defaults of its manager. */
export function withDefaults<T extends AcquireOptions>(defaults: T, options: unknown): T {
  const all = overlay(defaults, options)
  const given = overlay<AcquireOptions>({}, options)
  // Shared holds have no order, so `fencing` as a default does not apply to them.
  return given.mode === "shared" && given.fencing === undefined ? { ...all, fencing: false } : all
}

/** @throws `TypeError` or `RangeError` that names the option. */
export function resolveHoldOptions(
  options: HoldOptions & { readonly mode?: LockMode | undefined },
): ResolvedHoldOptions {
  const {
    ttl = DEFAULTS.ttl,
    renew = DEFAULTS.renew,
    mode = DEFAULTS.mode,
    watch = DEFAULTS.watch,
    waitUntil: given,
  } = options
  if (mode !== "exclusive" && (mode as string) !== "shared") {
    throw invalid("mode", '"exclusive" or "shared"', mode)
  }
  const ttlMs = parseTtl(ttl)
  if (given !== undefined && typeof given !== "function") {
    throw invalid("waitUntil", "a function", given)
  }
  if (typeof (watch as unknown) !== "boolean") throw invalid("watch", "a boolean", watch)
  const own = { mode, ttlMs, watch, waitUntil: safeCallback("waitUntil", given) }
  if (typeof renew === "boolean") return { ...own, renew, maxHoldMs: Infinity }
  // An untyped caller may pass anything.
  if (typeof (renew as unknown) !== "object" || (renew as unknown) === null) {
    throw invalid("renew", "a boolean or { maxHold }", renew)
  }
  const { maxHold = Infinity } = renew
  const maxHoldMs = parseDuration("renew.maxHold", maxHold, { min: ttlMs, max: Infinity })
  return { ...own, renew: true, maxHoldMs }
}

/** Terms that only some of the calls have. */
export type SpecialTerms = Partial<{
  /** How many may share the lock, for a semaphore. */
  readonly permits: number | undefined
  readonly steal: boolean | undefined
}>

/** @throws `TypeError` or `RangeError` that names the option. */
export function resolveAcquireOptions(
  options: AcquireOptions,
  { permits, steal = false }: SpecialTerms = {},
): ResolvedAcquireOptions {
  const {
    wait = DEFAULTS.wait,
    maxRequests = DEFAULTS.maxRequests,
    fencing = DEFAULTS.fencing,
    push = DEFAULTS.push,
    interval,
    signal,
  } = options
  // An untyped caller may pass them: other calls would ignore them, and as a default they would steal in all requests.
  for (const option of ["steal", "ifAvailable"] as const) {
    if ((options as RequestOptions)[option]) {
      throw notSupported(`${option}: only supported by request`)
    }
  }
  const misplaced = steal ? "steal" : options.mode !== undefined && "mode"
  if (permits !== undefined && misplaced) {
    throw notSupported(`${misplaced}: not supported by semaphores`)
  }
  const mode = permits !== undefined ? "shared" : steal ? "exclusive" : options.mode
  const hold = resolveHoldOptions({ ...options, mode })
  if (typeof (fencing as unknown) !== "boolean") {
    throw invalid("fencing", "a boolean", fencing)
  }
  if (typeof (push as unknown) !== "boolean") {
    throw invalid("push", "a boolean", push)
  }
  if (fencing && hold.mode === "shared") {
    throw new TypeError("fencing: only for exclusive holds")
  }
  if (maxRequests !== Infinity) checkCount("maxRequests", maxRequests)
  checkSignal(signal)
  const waitMs = parseDuration("wait", wait, { min: 0, max: Infinity })
  const intervalMs =
    interval === undefined
      ? undefined
      : parseDuration("interval", interval, { min: SHORTEST_INTERVAL_MS, max: MAX_TIMER_MS })
  const limit = permits ?? (hold.mode === "shared" ? Infinity : undefined)
  // The spread comes last: a property after a spread costs a microsecond.
  return { waitMs, intervalMs, maxRequests, fencing, push, signal, limit, steal, ...hold }
}

function checkSignal(signal: unknown): void {
  const isSignal =
    typeof signal === "object" &&
    signal !== null &&
    "aborted" in signal &&
    "addEventListener" in signal
  if (signal !== undefined && !isSignal) {
    throw invalid("signal", "an AbortSignal", signal)
  }
}

/** Receives work that continues after a call has settled; the promise never rejects. */
export type WaitUntil = (work: Promise<unknown>) => void
