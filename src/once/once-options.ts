// The options of `once`: their meaning, their defaults, and their checks.
import {
  type AcquireOptions,
  overlay,
  resolveAcquireOptions,
  type ResolvedAcquireOptions,
  type WaitUntil,
} from "../options.js"
import { type Duration, parseDuration } from "../time/duration.js"
import { checkCount, invalid } from "../values/invalid-argument.js"

/** How a result is shared, and for how long. An option that the manager also has defaults to the manager's value. */
export interface OnceOptions<T> {
  /**
   * How long the value is served to later calls, or a function that computes this from the value: at most 30 years. 0 shares
   * the value only with callers that called before it existed. A longer time saves runs and serves older values.
   *
   * @default 0
   * @example
   * ```ts
   * import type { OnceOptions } from "fetchlock/once"
   *
   * const options: OnceOptions<{ expires_in: number }> = {
   *   remember: (token) => Math.max(0, token.expires_in - 60) * 1_000,
   * }
   * ```
   */
  readonly remember?: Duration | ((value: T) => Duration) | undefined
  /**
   * How long after that the old value is still served at once, while one caller replaces it in the background.
   * Pass `waitUntil` with it: otherwise, on Workers, the refresh ends with the request.
   *
   * @default 0
   */
  readonly stale?: Duration | undefined
  /**
   * How long an error of the run is served to later calls. With 0, only the callers that wait for that run get it, and the
   * next call runs. A longer time protects a service that fails, and delays its return.
   *
   * @default 0
   */
  readonly rememberErrors?: Duration | undefined
  /**
   * How many runs in a row may crash: a positive integer, or Infinity. After that, calls reject with an `OnceAttemptsError`
   * for the time of `rememberCrashes`. A crash is noticed when the run's `ttl` is over.
   *
   * @default 3
   */
  readonly attempts?: number | undefined
  /**
   * How long a crashed run is remembered after its `ttl`: at least a second. A longer time keeps calls away from a job that
   * must not be repeated, and also from one that would succeed by now.
   *
   * @default "1m"
   */
  readonly rememberCrashes?: Duration | undefined
  /**
   * Identifies the input of the run, for names that a client chose: a call with the same name and another fingerprint
   * rejects with an `OnceMismatchError`. Only a digest of it is sent.
   *
   * @default none: nothing is compared
   */
  readonly fingerprint?: string | undefined
  /**
   * What to do if the database fails before the run: `true` runs without sharing the result, with `null` in place of the
   * lock; `false` rejects with the `LockBackendError`.
   *
   * > [!WARNING]
   * > While the database is down every caller runs.
   *
   * @default false
   */
  readonly failOpen?: boolean | undefined
  /**
   * Converts the value to the string that is stored: the place to encrypt it.
   *
   * @default JSON.stringify
   */
  readonly serialize?: ((value: T) => string | Promise<string>) | undefined
  /**
   * Converts the string back to the value.
   *
   * @default JSON.parse
   */
  readonly deserialize?: ((text: string) => T | Promise<T>) | undefined
  /**
   * The largest string that is stored, in bytes: a positive integer. A larger result is returned only to the caller that
   * ran, with an event.
   *
   * @default 1_000_000
   */
  readonly maxBytes?: number | undefined
  /** The longest time to wait for another caller's run. See `AcquireOptions`. @default "10s" */
  readonly wait?: Duration | undefined
  /** How long a run outlives a process that died. It is renewed while it runs. See `HoldOptions`. @default "30s" */
  readonly ttl?: Duration | undefined
  /**
   * Gives up: the call rejects with the signal's reason. If this caller's run has begun, it continues until it settles, so
   * pass the signal to it, too. An error that it then throws is not shared, and the next caller runs.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined
  /** Mint a fencing token for the run: `lock.fencingToken`. Costs two more billed commands. @default false */
  readonly fencing?: boolean | undefined
  /** Get the result over server-sent events; `false` polls. See `AcquireOptions`. @default true */
  readonly push?: boolean | undefined
  /** Receives work that outlives the call: a refresh, a run whose caller gave up. See `HoldOptions`. @default none */
  readonly waitUntil?: WaitUntil | undefined
}

/** Checked options, in milliseconds. */
export interface ResolvedOnceOptions {
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

/** No key lives forever. */
const RANGE = { min: 0, max: 1e12 }

/** @throws `TypeError` or `RangeError` that names the option. */
export function resolveOnceOptions(
  defaults: AcquireOptions,
  options: unknown,
): ResolvedOnceOptions {
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

/** A run may return undefined, which JSON cannot express. */
function toJson(value: unknown): string {
  return value === undefined ? "" : JSON.stringify(value)
}

function fromJson(text: string): unknown {
  return text === "" ? undefined : JSON.parse(text)
}
