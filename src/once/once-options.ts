// The options of `once`: what they mean, what they default to, and what is not one.
import {
  type AcquireOptions,
  overlay,
  resolveAcquireOptions,
  type ResolvedAcquireOptions,
  type WaitUntil,
} from "../options.js"
import { type Duration, parseDuration } from "../time/duration.js"
import { checkCount, invalid } from "../values/invalid-argument.js"

/** How a result is shared and for how long. Those that a manager has, too, default to the manager's. */
export interface OnceOptions<T> {
  /**
   * For how long the value is served to later calls, or a function of the value that says so: at most 30 years. 0 shares it with those who
   * called before it was there, and with nobody else. A longer time saves runs and serves older values.
   *
   * @default 0
   * @example `{ remember: (token: Token) => token.expires_in * 1_000 - 60_000 }`
   */
  readonly remember?: Duration | ((value: T) => Duration) | undefined
  /**
   * For how long after that the old value is still served at once, while one caller replaces it in the background.
   * Give `waitUntil` with it: on Workers the refresh ends with the request otherwise.
   *
   * @default 0
   */
  readonly stale?: Duration | undefined
  /**
   * For how long an error of the run is served to later calls. 0 gives it to those who wait for that run: the next
   * call runs. A longer time protects a service that fails, and delays its return.
   *
   * @default 0
   */
  readonly rememberErrors?: Duration | undefined
  /**
   * How many runs in a row may crash: a positive integer, or Infinity. Then calls reject with an `OnceAttemptsError`, for
   * as long as `rememberCrashes` says. A crash is noticed when the run's `ttl` is over.
   *
   * @default 3
   */
  readonly attempts?: number | undefined
  /**
   * For how long after its `ttl` a run that crashed is remembered: at least a second. A longer time keeps calls from a job
   * that must not be repeated, and from one that would run by now.
   *
   * @default "1m"
   */
  readonly rememberCrashes?: Duration | undefined
  /**
   * What the run is about, for names that a client chose: a call with the same name and another fingerprint
   * rejects with an `OnceMismatchError`. Only a digest of it is sent.
   *
   * @default none, which is not compared
   */
  readonly fingerprint?: string | undefined
  /**
   * What becomes of a value when the database fails before the run: true runs it, unshared, with `null` in place of the lock;
   * false rejects with the `LockBackendError`.
   *
   * > [!WARNING]
   * > While the database is down every caller runs.
   *
   * @default false
   */
  readonly failOpen?: boolean | undefined
  /**
   * Turns the value into the text that is stored: the place to encrypt it.
   *
   * @default JSON.stringify
   */
  readonly serialize?: ((value: T) => string | Promise<string>) | undefined
  /**
   * Turns the text back into the value.
   *
   * @default JSON.parse
   */
  readonly deserialize?: ((text: string) => T | Promise<T>) | undefined
  /**
   * The largest text that is stored, in bytes: a positive integer. A larger one goes to its own caller alone, and an event
   * says so.
   *
   * @default 1_000_000
   */
  readonly maxBytes?: number | undefined
  /** The longest time to wait for somebody else's run. See `AcquireOptions`. @default "10s" */
  readonly wait?: Duration | undefined
  /** How long a run outlives a process that died. It is renewed while it runs. See `HoldOptions`. @default "30s" */
  readonly ttl?: Duration | undefined
  /**
   * Gives up: the call rejects with the signal's reason. A run of this caller's that has begun goes on until it
   * settles, so pass the signal to it, too; what it throws then is not shared, and the next caller runs.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined
  /** Mint a fencing token for the run: `lock.fencingToken`. Costs two more billed commands. @default false */
  readonly fencing?: boolean | undefined
  /** Learn of the result through a stream; false polls. See `AcquireOptions`. @default true */
  readonly push?: boolean | undefined
  /** Given what goes on after the call has settled: a refresh, a run whose caller gave up. See `HoldOptions`. @default nobody */
  readonly waitUntil?: WaitUntil | undefined
}

/** Checked options, in milliseconds. */
export interface OncePlan {
  readonly acquire: ResolvedAcquireOptions
  readonly rememberMs: (value: unknown) => number
  readonly staleMs: number
  readonly rememberErrorsMs: number
  readonly attempts: number
  readonly rememberCrashesMs: number
  readonly fingerprint: string | undefined
  readonly failOpen: boolean
  readonly serialize: (value: unknown) => unknown
  readonly deserialize: (text: string) => unknown
  readonly maxBytes: number
}

/** No key lives for ever. */
const RANGE = { min: 0, max: 1e12 }

/** @throws `TypeError` or `RangeError` that names the option. */
export function planOnce(defaults: AcquireOptions, options: unknown): OncePlan {
  const {
    remember = 0,
    stale = 0,
    rememberErrors = 0,
    attempts = 3,
    rememberCrashes = "1m",
    failOpen = false,
    maxBytes = 1_000_000,
    serialize = toJson,
    deserialize = fromJson,
    fingerprint,
    ...given
  } = overlay<OnceOptions<unknown>>({}, options)
  const { ttl, wait, signal, fencing, push, waitUntil, renew } = { ...defaults, ...given }
  if (attempts !== Infinity) checkCount("attempts", attempts)
  checkCount("maxBytes", maxBytes)
  const checks = {
    serialize: [serialize, "function"],
    deserialize: [deserialize, "function"],
    failOpen: [failOpen, "boolean"],
    fingerprint: [fingerprint ?? "", "string"],
  } as const
  for (const [option, [value, type]] of Object.entries(checks)) {
    if (typeof value !== type) throw invalid(option, `a ${type}`, value)
  }
  const read = (value: unknown) => parseDuration("remember", value, RANGE)
  if (typeof remember !== "function") read(remember)
  return {
    acquire: resolveAcquireOptions({
      ttl,
      wait,
      signal,
      fencing,
      push,
      waitUntil,
      renew: typeof renew === "object" ? renew : true,
    }),
    rememberMs: (value) => read(typeof remember === "function" ? remember(value) : remember),
    staleMs: parseDuration("stale", stale, RANGE),
    rememberErrorsMs: parseDuration("rememberErrors", rememberErrors, RANGE),
    attempts,
    rememberCrashesMs: parseDuration("rememberCrashes", rememberCrashes, { ...RANGE, min: 1_000 }),
    fingerprint,
    failOpen,
    serialize,
    deserialize,
    maxBytes,
  }
}

/** Nothing is not JSON, and a run may well return it. */
function toJson(value: unknown): string {
  return value === undefined ? "" : JSON.stringify(value)
}

function fromJson(text: string): unknown {
  return text === "" ? undefined : JSON.parse(text)
}
