// The options of the calls: what they mean, what they default to, and what is none.
import { type Duration, MAX_TIMER_MS, parseDuration, parseTtl } from "./time/duration.js"
import { checkCount, invalid, notSupported } from "./values/invalid-argument.js"
import { safeCallback } from "./values/safe-callback.js"

/** How a lock is held. Each may be given to the manager as a default for all calls. */
export interface HoldOptions {
  /**
   * How long the hold outlives a holder that died: at least 10 ms. Everybody else waits that long after a crash,
   * so shorter is better after accidents; longer spares renewals and survives longer outages.
   *
   * @default "30s"
   */
  readonly ttl?: Duration | undefined
  /**
   * Whether to keep the hold alive until it is released, by extending it at each third of its ttl (one request each).
   * A handle that nothing can reach any more is no longer renewed, so a leaked one is free after about one ttl. That
   * needs `WeakRef`; keep the handle, and not only its `signal`, for as long as you need the lock.
   * `{ maxHold }` bounds the hold: that long after the grant (at least the ttl) it ends, and its signal aborts. Without
   * it, a callback that never settles holds the lock for as long as its process lives. `false` lets the hold end with
   * its ttl unless you extend it.
   *
   * @default true
   */
  readonly renew?: boolean | { readonly maxHold?: Duration | undefined } | undefined
  /**
   * Whether the hold is notified at once when it is stolen (`steal`, `forceRelease`, a guard that preempts): its signal
   * aborts about half a round trip later, with the reason `stolen`. Otherwise a theft is noticed at the next renewal, after
   * up to a third of the ttl. A caller that waited with a stream keeps that stream while it holds; any other opens one, and
   * checks its hold once when that is open: two requests. An open stream keeps a Node process alive. Not supported by a quorum.
   *
   * @default false
   */
  readonly watch?: boolean | undefined
  /**
   * Receives the work that must not end with the request: the whole of a `request`, from its wait to its release, and
   * what goes on after another call has settled (the clean-up after an abort, a release that is tried again). On Workers
   * and Vercel, such work ends with the request unless their `waitUntil` knows about it, on Workers also as soon as the
   * client goes away. The name then stays locked until its ttl ends.
   *
   * @default nobody
   * @example `locks.request(name, { waitUntil: (work) => ctx.waitUntil(work) }, callback)`
   */
  readonly waitUntil?: WaitUntil | undefined
}

/** Whether a lock is held alone, or together with others who share it. As in the Web Locks standard. */
export type LockMode = "exclusive" | "shared"

/** How a lock is taken, without waiting. Each may be given to the manager as a default for all calls. */
export interface TryAcquireOptions extends HoldOptions {
  /**
   * `shared` holds exclude the exclusive ones, not each other: readers and a writer. All stand in one queue, so readers
   * that come later do not keep a writer waiting. Costs no more requests; a cycle that
   * nobody contends for is 14 billed commands instead of 5, or of 4 on Upstash.
   *
   * @default "exclusive"
   */
  readonly mode?: LockMode | undefined
  /**
   * Gives up: the call rejects with the signal's reason. It has no effect once the lock is granted.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined
  /**
   * Mint a fencing token with the grant, in the same script: `lock.fencingToken` is then a number. Costs five
   * more billed commands, no request. For exclusive holds.
   *
   * @default false
   */
  readonly fencing?: boolean | undefined
}

/** How a lock is taken, with waiting. Each may be given to the manager as a default for all calls. */
export interface AcquireOptions extends TryAcquireOptions {
  /**
   * Whether to hear of the grant through a stream (server-sent events). It costs one request; beside it a waiter
   * only shows each 10 to 20 s that it is alive. False asks from time to time instead: later and dearer. A server
   * that refuses streams is noticed and remembered by the manager; false spares a manager per request finding out.
   * Which servers need false: docs/safety.md.
   *
   * @default true
   */
  readonly push?: boolean | undefined
  /**
   * The longest time to wait for the lock. 0 does not wait (a lock that is held
   * costs one request then); Infinity waits for ever. The last look is taken when the
   * wait is over, so the call may last one request longer.
   *
   * @default "10s"
   */
  readonly wait?: Duration | undefined
  /**
   * Ask at fixed intervals instead of waiting in the queue (a spin lock): at least 10 ms. A number is milliseconds:
   * write `250` or `"250ms"` for a quarter of a second. Those who spin overtake each other, and shorter intervals are
   * billed more: three commands each.
   *
   * @default none, which means the queue
   */
  readonly interval?: Duration | undefined
  /**
   * How many requests one wait may cost, a whole number from 1 on. When they are used up and it is time to ask
   * again, the wait is over, whatever is left of it; with fewer than two to spare no stream is opened.
   *
   * @default Infinity
   */
  readonly maxRequests?: number | undefined
}

/** How `request` takes a lock: the options of the Web Locks standard, and ours. */
export interface RequestOptions extends AcquireOptions {
  /**
   * Do not wait: call the callback with null when somebody else holds the lock.
   *
   * @default false
   */
  readonly ifAvailable?: boolean | undefined
  /**
   * Take the lock from whoever has it, ahead of those who wait; a `LockTimeoutError` only where it changes hands
   * faster than a request travels, for all of `wait`. The robbed holder is told at its next renewal or
   * use: its signal aborts, and its `request` rejects with an `AbortError`.
   *
   * > [!WARNING]
   * > Until then two callers believe that they hold the lock. Fencing tokens help.
   *
   * @default false
   */
  readonly steal?: boolean | undefined
}

/** How `adopt` takes a hold over. */
export type AdoptOptions = HoldOptions

/** How a permit of a semaphore is taken. */
export type SemaphoreOptions = Omit<AcquireOptions, "mode" | "fencing">

/** Each look is billed, and an interval that was meant in seconds would be a fraction of that. */
const SHORTEST_INTERVAL_MS = 10

/** What an option is when nobody gave it. */
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
  /** How many may hold the lock together: undefined for one alone. */
  readonly limit: number | undefined
  readonly steal: boolean
}

/** Lays options over defaults; an undefined option is one that was not given. */
export function overlay<T extends object>(defaults: T, options: unknown): T {
  if (options === undefined || options === null) return defaults
  if (typeof options !== "object") {
    throw invalid("options", "an object", options)
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return { ...defaults, ...Object.fromEntries(given) }
}

/** Lays the options of a call over the defaults of its manager. */
export function withDefaults<T extends AcquireOptions>(defaults: T, options: unknown): T {
  const all = overlay(defaults, options)
  const given = overlay<AcquireOptions>({}, options)
  // Those who share a lock have no order: a fencing token by default is none for them.
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
  // From a caller without types it may be anything.
  if (typeof (renew as unknown) !== "object" || (renew as unknown) === null) {
    throw invalid("renew", "a boolean or { maxHold }", renew)
  }
  const { maxHold = Infinity } = renew
  const maxHoldMs = parseDuration("renew.maxHold", maxHold, { min: ttlMs, max: Infinity })
  return { ...own, renew: true, maxHoldMs }
}

/** What only some of the calls can ask for. */
export type SpecialTerms = Partial<{
  /** How many may hold the lock together, for a semaphore. */
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
  // From a caller without types; elsewhere they would be ignored, and as a default of all calls they would rob.
  for (const option of ["steal", "ifAvailable"] as const) {
    if ((options as RequestOptions)[option]) throw notSupported(`${option}: is for request alone`)
  }
  const misplaced = steal ? "steal" : options.mode !== undefined && "mode"
  if (permits !== undefined && misplaced) throw notSupported(`${misplaced}: is not for permits`)
  const mode = permits !== undefined ? "shared" : steal ? "exclusive" : options.mode
  const plan = resolveHoldOptions({ ...options, mode })
  if (typeof (fencing as unknown) !== "boolean") {
    throw invalid("fencing", "a boolean", fencing)
  }
  if (typeof (push as unknown) !== "boolean") {
    throw invalid("push", "a boolean", push)
  }
  if (fencing && plan.mode === "shared") {
    throw new TypeError("fencing: is for exclusive holds; those who share a lock have no order")
  }
  if (maxRequests !== Infinity) checkCount("maxRequests", maxRequests)
  checkSignal(signal)
  const waitMs = parseDuration("wait", wait, { min: 0, max: Infinity })
  const intervalMs =
    interval === undefined
      ? undefined
      : parseDuration("interval", interval, { min: SHORTEST_INTERVAL_MS, max: MAX_TIMER_MS })
  const limit = permits ?? (plan.mode === "shared" ? Infinity : undefined)
  // The spread comes last: what follows one is added property by property, a microsecond each.
  return { waitMs, intervalMs, maxRequests, fencing, push, signal, limit, steal, ...plan }
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

/** Takes note of work that goes on after a call has settled; it never rejects. */
export type WaitUntil = (work: Promise<unknown>) => void
