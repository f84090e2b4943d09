// A semaphore: a lock that so many may hold together, under one name.
import type { Lock } from "./hold/lock.js"
import type { RequestOptions, SemaphoreOptions } from "./options.js"

/** What a semaphore asks its manager for, under its name and with its permits. */
export interface PermitCalls {
  acquire(options: SemaphoreOptions | undefined): Promise<Lock>
  tryAcquire(options: SemaphoreOptions | undefined): Promise<Lock | null>
  request(args: readonly unknown[]): Promise<unknown>
}

/** How `request` takes a permit. */
export type SemaphoreRequestOptions = SemaphoreOptions & Pick<RequestOptions, "ifAvailable">

/**
 * A lock of which so many holds are granted at once: its permits. Each of them is a `Lock` of its own, with its own
 * ttl, renewal and release, and ends by the server's clock if its holder dies. Made by `locks.semaphore()`.
 *
 * Whoever names the same semaphore must give it the same number of permits.
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
  readonly name: string
  readonly permits: number
  readonly #calls: PermitCalls

  /** @internal */
  constructor(name: string, permits: number, calls: PermitCalls) {
    this.name = name
    this.permits = permits
    this.#calls = calls
  }

  /**
   * Takes a permit, waiting for one if need be.
   *
   * @throws as `LockManager.acquire` does; `RangeError` when the permits of others differ from ours;
   *   `NotSupportedError` for a `mode`.
   */
  acquire(options?: SemaphoreOptions): Promise<Lock> {
    return this.#calls.acquire(options)
  }

  /**
   * Takes a permit if there is one to be had at once; null otherwise.
   *
   * @throws as `acquire` does, but for the `LockTimeoutError`.
   */
  tryAcquire(options?: Omit<SemaphoreOptions, "wait">): Promise<Lock | null> {
    return this.#calls.tryAcquire(options)
  }

  /**
   * Runs the callback while a permit is held: renewed meanwhile, released afterwards, whatever happens.
   *
   * @throws what the callback throws; as `acquire` does; a `LockLostError` the moment the permit is lost.
   */
  request<T>(callback: (permit: Lock) => T): Promise<Awaited<T>>
  request<T>(
    options: SemaphoreRequestOptions & { readonly ifAvailable?: false },
    callback: (permit: Lock) => T,
  ): Promise<Awaited<T>>
  request<T>(
    options: SemaphoreRequestOptions,
    callback: (permit: Lock | null) => T,
  ): Promise<Awaited<T>>
  request(...args: readonly unknown[]): Promise<unknown> {
    return this.#calls.request(args)
  }
}
