// Runs a piece of work once for all who ask for it at the same time, and gives all of them its result.
import type { FencedLock, Lock } from "../hold/lock.js"
import type { LockManager } from "../lock-manager.js"
import { invalid } from "../values/invalid-argument.js"
import { createToken } from "../values/token.js"
import { callOnce, type OnceSource } from "./once-call.js"
import { type OnceOptions, planOnce } from "./once-options.js"
import { onceSettings } from "./once-settings.js"

export type { OnceSource }

/** A value, and how this call came by it. */
export interface OnceResult<T> {
  readonly value: T
  /**
   * - `ran`: this call ran
   * - `joined`: somebody else ran meanwhile
   * - `remembered`: it was there already
   * - `stale`: it was there and is old; it is being replaced
   */
  readonly source: OnceSource
}

/** What the run is given: the lock under which it runs; null where `failOpen` runs without one. */
type LockOf<Fencing, FailOpen> =
  (Fencing extends true ? FencedLock : Lock) | (FailOpen extends true ? null : never)

/** What decides the type of the run's lock. */
interface LockKind<Fencing, FailOpen> {
  readonly fencing?: Fencing
  readonly failOpen?: FailOpen
}

/** `once` itself, and the same with more to tell. */
export interface Once {
  /**
   * Runs the work unless somebody else does, and resolves with its result, whoever ran it.
   *
   * At least once, not exactly once: when the process that runs dies, another caller runs again.
   *
   * > [!WARNING]
   * > A run that has lost its hold may overlap with the next one. Pass `lock.signal` on, and see `fencing`.
   *
   * @param locks the manager whose database, prefix and defaults are used. Not a quorum
   * @param name what is run once, as for locks; a lock of the same name is another thing
   * @param run gets the lock under which it runs: renewed meanwhile, with a `signal` that aborts when it is lost. It ends with the run
   * @throws what the run threw, an `OnceRunError` where somebody else ran it; `LockTimeoutError` when it took longer than
   *   `wait`; `LockLostError` when the hold was lost; `LockBackendError` when the database failed; `OnceMismatchError`,
   *   `OnceAttemptsError`; the signal's reason; `NotSupportedError` for a quorum; `TypeError` or `RangeError` for a bad argument.
   * @example
   * ```ts
   * const report = await once(locks, "report", { remember: "1m" }, () => buildReport())
   * ```
   */
  <T>(locks: LockManager, name: string, run: (lock: Lock) => T | Promise<T>): Promise<T>
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
   * The same, and tells how the value came: for a header or a metric.
   *
   * @throws as `once` does.
   * @example
   * ```ts
   * const { value, source } = await once.detailed(locks, "report", { remember: "1m" }, () => buildReport())
   * console.log(source) // "ran", "joined", "remembered" or "stale"
   * ```
   */
  detailed<T>(
    locks: LockManager,
    name: string,
    run: (lock: Lock) => T | Promise<T>,
  ): Promise<OnceResult<T>>
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
  const { database, timeoutMs, emit, defaults } = onceSettings(locks, name)
  if (typeof run !== "function") throw invalid("run", "a function", run)
  const plan = planOnce(defaults, options)
  return callOnce({
    name,
    token: createToken(locks.clientId),
    database,
    timeoutMs,
    emit,
    plan,
    fingerprint: await digestOf(plan.fingerprint),
    run: run as (lock: Lock | null) => unknown,
  })
}

/** It may be a payload, so nothing but a digest of it is sent. */
async function digestOf(fingerprint: string | undefined): Promise<string> {
  if (fingerprint === undefined) return "-"
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(fingerprint))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/**
 * Runs the work unless somebody else does, and resolves with its result, whoever ran it. See {@link Once}.
 *
 * @example
 * ```ts
 * const token = await once(locks, "token:7", { remember: "50m" }, (lock) => refresh({ signal: lock.signal }))
 * ```
 */
export const once: Once = /* @__PURE__ */ Object.assign(
  async (locks: LockManager, name: string, ...args: readonly unknown[]) =>
    (await detailed(locks, name, ...args)).value,
  { detailed },
) as Once
