// Runs a piece of work once for all concurrent callers, and gives all of them its result.
import type { FencedLock, Lock } from "../hold/lock.js"
import type { LockManager } from "../lock-manager.js"
import { hexDigest } from "../values/digest.js"
import { invalid } from "../values/invalid-argument.js"
import { createToken } from "../values/token.js"
import { callOnce, type OnceSource } from "./once-call.js"
import { type OnceOptions, resolveOnceOptions } from "./once-options.js"
import { onceSettings } from "./once-settings.js"
import { openRuns } from "./open-runs.js"

export type { OnceSource }

/** A value, and where it came from. */
export interface OnceResult<T> {
  /** What the run returned. */
  readonly value: T
  /**
   * - `ran`: this call ran
   * - `joined`: another caller ran meanwhile
   * - `remembered`: the result existed already
   * - `stale`: the result existed and is old; it is being replaced
   */
  readonly source: OnceSource
}

/** The run's argument: the lock that it runs under; null if `failOpen` runs it without one. */
type LockOf<Fencing, FailOpen> =
  (Fencing extends true ? FencedLock : Lock) | (FailOpen extends true ? null : never)

/** The options that decide the type of the run's lock. */
interface LockKind<Fencing, FailOpen> {
  readonly fencing?: Fencing
  readonly failOpen?: FailOpen
}

/** `once`, and `once.detailed`, which also tells where the value came from. */
export interface Once {
  /**
   * Runs the work unless another caller is running it, and resolves with the result of that run.
   *
   * At least once, not exactly once: if the process that runs it dies, another caller runs it again.
   *
   * > [!WARNING]
   * > A run that has lost its hold may overlap with the next one. Pass `lock.signal` on, and see `fencing`.
   *
   * @param locks the manager whose database, prefix and defaults are used; not one of a quorum
   * @param name identifies the work, with the same rules as the name of a lock; independent of a lock of the same name
   * @param run receives the lock that it runs under: renewed until the run ends, with a `signal` that aborts if it is lost
   * @throws the run's error, as an `OnceRunError` if another caller ran it; `LockTimeoutError` if another caller's run took
   *   longer than `wait`; `LockLostError` if the hold was lost; `LockBackendError` if the database failed; `LockClosedError` after
   *   `locks.releaseAll()`; `OnceMismatchError` if the fingerprint differs; `OnceAttemptsError` if too many runs crashed; the
   *   signal's reason; `NotSupportedError` for a quorum; `TypeError` or `RangeError` for a bad argument.
   * @example
   * ```ts
   * import { once } from "fetchlock/once"
   *
   * const report = await once(locks, "report", () => buildReport())
   * ```
   */
  <T>(locks: LockManager, name: string, run: (lock: Lock) => T | Promise<T>): Promise<T>
  /**
   * Runs the work unless another caller is running it or its result is remembered, and resolves with the result.
   *
   * At least once, not exactly once: if the process that runs it dies, another caller runs it again.
   *
   * @param options how long the result is remembered, how long to wait for another caller's run, and more
   * @throws as `once` without options does.
   * @example
   * ```ts
   * import { once } from "fetchlock/once"
   *
   * const report = await once(locks, "report", { remember: "1m" }, () => buildReport())
   * ```
   */
  <
    T,
    const Fencing extends boolean | undefined = undefined,
    const FailOpen extends boolean | undefined = undefined,
  >(
    locks: LockManager,
    name: string,
    options: OnceOptions<T> & LockKind<Fencing, FailOpen>,
    run: (lock: LockOf<Fencing, FailOpen>) => T | Promise<T>,
  ): Promise<T>
  /**
   * The same, and also tells where the value came from: for a header or a metric.
   *
   * @throws as `once` does.
   * @example
   * ```ts
   * import { once } from "fetchlock/once"
   *
   * const { value, source } = await once.detailed(locks, "report", () => buildReport())
   * console.log(source) // "ran" or "joined"
   * ```
   */
  detailed<T>(
    locks: LockManager,
    name: string,
    run: (lock: Lock) => T | Promise<T>,
  ): Promise<OnceResult<T>>
  /**
   * The same with options, and also tells where the value came from: for a header or a metric.
   *
   * @throws as `once` does.
   * @example
   * ```ts
   * import { once } from "fetchlock/once"
   *
   * const { value, source } = await once.detailed(locks, "report", { remember: "1m" }, () => buildReport())
   * console.log(source) // "ran", "joined", "remembered" or "stale"
   * ```
   */
  detailed<
    T,
    const Fencing extends boolean | undefined = undefined,
    const FailOpen extends boolean | undefined = undefined,
  >(
    locks: LockManager,
    name: string,
    options: OnceOptions<T> & LockKind<Fencing, FailOpen>,
    run: (lock: LockOf<Fencing, FailOpen>) => T | Promise<T>,
  ): Promise<OnceResult<T>>
}

async function detailed(
  locks: LockManager,
  name: string,
  ...args: readonly unknown[]
): Promise<OnceResult<unknown>> {
  const [options, run] = args.length < 2 ? [undefined, args[0]] : args
  const { database, timeoutMs, emit, open, defaults } = onceSettings(locks, name)
  if (typeof run !== "function") throw invalid("run", "a function", run)
  const plan = resolveOnceOptions(defaults, options)
  return callOnce({
    name,
    token: createToken(locks.clientId),
    database,
    timeoutMs,
    emit,
    open: openRuns(open),
    plan,
    // It may be a whole payload, so only its digest is sent.
    fingerprint:
      plan.fingerprint === undefined ? "-" : await hexDigest("SHA-256", plan.fingerprint),
    run: run as (lock: Lock | null) => unknown,
  })
}

/**
 * Runs the work unless another caller is running it, and resolves with the result of that run. See {@link Once}.
 *
 * @example
 * ```ts
 * import { once } from "fetchlock/once"
 *
 * const token = await once(locks, "token:7", { remember: "50m" }, (lock) => refresh({ signal: lock.signal }))
 * ```
 */
export const once: Once = /* @__PURE__ */ Object.assign(
  async (locks: LockManager, name: string, ...args: readonly unknown[]) =>
    (await detailed(locks, name, ...args)).value,
  { detailed },
) as Once
