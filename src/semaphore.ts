// A semaphore: a lock with a limited number of shared holds.
import type { Lock } from "./hold/lock.js"
import type { RequestOptions, SemaphoreOptions } from "./options.js"

/** The calls of a semaphore to its manager, with its name and its permits. */
export interface PermitCalls {
  acquire(options: SemaphoreOptions | undefined): Promise<Lock>
  tryAcquire(options: SemaphoreOptions | undefined): Promise<Lock | null>
  request(args: readonly unknown[]): Promise<unknown>
}

/** How `request` takes a permit. */
export type SemaphoreRequestOptions = SemaphoreOptions & Pick<RequestOptions, "ifAvailable">

/**
 * A lock with up to `permits` holders at once. Each permit is a `Lock` of its own, with its own ttl, renewal and release,
 * and ends by the server's clock if its holder dies. Created by `locks.semaphore()`.
 *
 * All callers that use the same name must pass the same number of permits.
 *
 * @example
 * ```ts
 * const exports = locks.semaphore("exports", 5)
 * await exports.request(async (permit) => {
 *   await buildExport({ signal: permit.signal })
 * })
 * ```
 */
export class Semaphore {
  /** The name that was passed to `locks.semaphore()`. */
  readonly name: string
  /** How many may hold it at once. */
  readonly permits: number
  readonly #calls: PermitCalls

  /** @internal */
  constructor(name: string, permits: number, calls: PermitCalls) {
    this.name = name
    this.permits = permits
    this.#calls = calls
  }

  /**
   * Takes a permit, and waits for one if none is free.
   *
   * @throws as `LockManager.acquire` does; `RangeError` when others use a different number of permits;
   *   `NotSupportedError` for a `mode`.
   * @example
   * ```ts
   * await using permit = await locks.semaphore("exports", 5).acquire({ wait: "1m" })
   * await buildExport({ signal: permit.signal })
   * ```
   */
  acquire(options?: SemaphoreOptions): Promise<Lock> {
    return this.#calls.acquire(options)
  }

  /**
   * Takes a permit if one is free; null otherwise.
   *
   * @throws as `acquire` does, except the `LockTimeoutError`.
   * @example
   * ```ts
   * await using permit = await locks.semaphore("exports", 5).tryAcquire()
   * if (permit) await buildExport({ signal: permit.signal })
   * ```
   */
  tryAcquire(options?: Omit<SemaphoreOptions, "wait">): Promise<Lock | null> {
    return this.#calls.tryAcquire(options)
  }

  /**
   * Runs the callback while a permit is held: it is renewed meanwhile, and always released afterwards.
   *
   * @throws the callback's error; as `acquire` does; a `LockLostError` the moment the permit is lost.
   * @example
   * ```ts
   * await locks.semaphore("exports", 5).request((permit) => buildExport({ signal: permit.signal }))
   * ```
   */
  request<T>(callback: (permit: Lock) => T): Promise<Awaited<T>>
  /**
   * Runs the callback while a permit is held, with options.
   *
   * @throws as `request` without options does; `NotSupportedError` for options that exclude each other.
   * @example
   * ```ts
   * await locks.semaphore("exports", 5).request({ wait: "1m" }, (permit) => buildExport({ signal: permit.signal }))
   * ```
   */
  request<T>(
    options: SemaphoreRequestOptions & { readonly ifAvailable?: false },
    callback: (permit: Lock) => T,
  ): Promise<Awaited<T>>
  /**
   * Runs the callback while a permit is held; with `ifAvailable` and no free permit, at once and with null.
   *
   * @throws as `request` without options does, except the `LockTimeoutError`.
   * @example
   * ```ts
   * await locks.semaphore("exports", 5).request({ ifAvailable: true }, async (permit) => {
   *   if (permit) await buildExport({ signal: permit.signal })
   * })
   * ```
   */
  request<T>(
    options: SemaphoreRequestOptions,
    callback: (permit: Lock | null) => T,
  ): Promise<Awaited<T>>
  request(...args: readonly unknown[]): Promise<unknown> {
    return this.#calls.request(args)
  }
}
