// The manager: a recipe for locks. It holds settings and nothing of any grant.
import { acquireAll, checkNames } from "./acquire/acquire-all.js"
import { Acquisition } from "./acquire/acquisition.js"
import { readRequestArguments } from "./acquire/request-arguments.js"
import { LockLostError, type LockPhase, LockTimeoutError } from "./errors.js"
import type { LockGroup } from "./hold/lock-group.js"
import { checkTransfer, type LockTransfer } from "./hold/lock-transfer.js"
import { type FencedLock, type Hold, Lock } from "./hold/lock.js"
import { theftChannel, type Watch } from "./hold/watch.js"
import { whileHeld } from "./hold/while-held.js"
import {
  type LockManagerOptions,
  type ResolvedManagerOptions,
  resolveManagerOptions,
} from "./manager-options.js"
import {
  type AcquireOptions,
  type AdoptOptions,
  overlay,
  type RequestOptions,
  resolveAcquireOptions,
  type ResolvedHoldOptions,
  resolveHoldOptions,
  type SpecialTerms,
  type TryAcquireOptions,
  withDefaults,
} from "./options.js"
import { checkName } from "./redis/keys.js"
import { type LockManagerSnapshot, type LockStatus, query, type QueryOptions } from "./query.js"
import { restConfigFromEnv } from "./redis/env.js"
import { callDatabase } from "./redis/retry.js"
import type { Claim, Grant, SingleDatabase } from "./redis/store.js"
import { Semaphore } from "./semaphore.js"
import { checkCount, notSupported } from "./values/invalid-argument.js"
import { safeCallback } from "./values/safe-callback.js"
import { createClientId, createToken, WATCHING } from "./values/token.js"

/**
 * Locks on one Redis database that is reached with `fetch` alone, or on a majority of several.
 *
 * It may live at module scope, or be made anew for each request: making one costs next to nothing.
 *
 * @example
 * ```ts
 * const locks = new LockManager({ redis: { url, token } })
 * await locks.request("invoice:42", async (lock) => {
 *   await charge({ signal: lock.signal })
 * })
 * ```
 */
export class LockManager {
  readonly #plan: ResolvedManagerOptions
  #clientId: string | undefined

  /** @throws `TypeError` or `RangeError` that names the option. */
  constructor(options: LockManagerOptions) {
    this.#plan = resolveManagerOptions(options)
    this.#clientId = this.#plan.clientId
  }

  /**
   * A manager for the database that environment variables name: `UPSTASH_REDIS_REST_URL` and
   * `UPSTASH_REDIS_REST_TOKEN`, or `KV_REST_API_URL` and `KV_REST_API_TOKEN`.
   *
   * @param env where to look. Default: `process.env`; on Workers pass the `env` of the request
   * @throws `TypeError` that says which variable is missing.
   */
  static fromEnv(env?: object, options: Omit<LockManagerOptions, "redis"> = {}): LockManager {
    return new LockManager({ ...options, redis: restConfigFromEnv(env) })
  }

  /** @internal What the adapters work with. */
  static settingsOf(locks: LockManager): ResolvedManagerOptions {
    return locks.#plan
  }

  /** Says whose locks these are; part of each token, not secret. */
  get clientId(): string {
    // Not in the constructor: at module scope Workers make no random numbers.
    return (this.#clientId ??= createClientId())
  }

  /**
   * Takes the lock, waiting for it if need be.
   *
   * @throws `LockTimeoutError` when somebody else held it for all of the wait; `LockBackendError` when the
   *   database failed; the signal's reason when that aborted; `TypeError` or `RangeError` for a bad argument.
   */
  acquire(name: string, options: AcquireOptions & { readonly fencing: true }): Promise<FencedLock>
  acquire(name: string, options?: AcquireOptions): Promise<Lock>
  async acquire(name: string, options?: AcquireOptions): Promise<Lock> {
    const all = options === undefined ? undefined : withDefaults(this.#plan.defaults, options)
    return this.#acquire(name, all)
  }

  /**
   * Takes the lock if nobody has it; null when somebody does.
   *
   * @throws as `acquire` does, but for the `LockTimeoutError`.
   */
  tryAcquire(
    name: string,
    options: TryAcquireOptions & { readonly fencing: true },
  ): Promise<FencedLock | null>
  tryAcquire(name: string, options?: TryAcquireOptions): Promise<Lock | null>
  async tryAcquire(name: string, options?: AcquireOptions): Promise<Lock | null> {
    return this.#tryAcquire(name, this.#immediate(this.#plan.defaults, options))
  }

  /**
   * Runs the callback while the lock is held: renewed meanwhile, released afterwards, whatever happens. As in the
   * Web Locks standard.
   *
   * Settles as the callback does. Rejects with a `LockLostError` the moment the hold is lost; the callback, which
   * cannot be stopped, learns of it by `lock.signal`.
   *
   * @throws what the callback throws; as `acquire` does; `NotSupportedError` for options that exclude each other.
   */
  request<T>(name: string, callback: (lock: Lock) => T): Promise<Awaited<T>>
  request<T>(
    name: string,
    options: RequestOptions & { readonly ifAvailable: true; readonly fencing: true },
    callback: (lock: FencedLock | null) => T,
  ): Promise<Awaited<T>>
  request<T>(
    name: string,
    options: RequestOptions & { readonly ifAvailable?: false; readonly fencing: true },
    callback: (lock: FencedLock) => T,
  ): Promise<Awaited<T>>
  request<T>(
    name: string,
    options: RequestOptions & { readonly ifAvailable?: false },
    callback: (lock: Lock) => T,
  ): Promise<Awaited<T>>
  request<T>(
    name: string,
    options: RequestOptions,
    callback: (lock: Lock | null) => T,
  ): Promise<Awaited<T>>
  async request(name: string, ...args: unknown[]): Promise<unknown> {
    return this.#request(name, this.#plan.defaults, args)
  }

  /**
   * A semaphore: a lock of which `permits` holds are granted at once.
   *
   * @param permits a whole number from 1 on, the same for all who use that name
   * @throws `TypeError` or `RangeError` for a bad argument.
   * @example
   * ```ts
   * await using permit = await locks.semaphore("exports", 5).acquire()
   * ```
   */
  semaphore(name: string, permits: number): Semaphore {
    checkName(this.#plan.prefix, name)
    checkCount("permits", permits)
    this.#single("semaphore:")
    const terms = { permits }
    // Permits have no order.
    const defaults = { ...this.#plan.defaults, fencing: false, mode: undefined }
    return new Semaphore(name, permits, {
      acquire: async (options) => this.#acquire(name, withDefaults(defaults, options), terms),
      tryAcquire: async (options) =>
        this.#tryAcquire(name, this.#immediate(defaults, options), terms),
      request: async (args) => this.#request(name, defaults, args, terms),
    })
  }

  /**
   * Who holds which locks and who waits for them, as in the Web Locks standard. For people and dashboards: what it says
   * may be over by the time that it is read.
   *
   * > [!WARNING]
   * > Without a `name` it looks at every key of the database, 1,000 with each request.
   *
   * @throws `LockBackendError` when the database failed; `TypeError` or `RangeError` for a bad argument.
   * @example
   * ```ts
   * const { held, pending } = await locks.query({ name: "invoice:42" })
   * ```
   */
  async query(options?: QueryOptions): Promise<LockManagerSnapshot> {
    const wanted = overlay<QueryOptions>({}, options)
    if (wanted.name !== undefined) checkName(this.#plan.prefix, wanted.name)
    return query(
      this.#single("query:"),
      (question) => this.#ask(wanted.name ?? "", "query", question),
      wanted,
    )
  }

  /**
   * Takes several locks, all or nothing. It cannot deadlock with another call that names them in another order: whoever
   * waits holds only what comes before, by name, and keeps that alive meanwhile.
   *
   * @param options as for `acquire`; `wait` is for all of them together, `ttl` counts from when the last was granted,
   *   `renew.maxHold` from the grant of each
   * @throws as `acquire` does; `LockLostError` when one was lost while the others were waited for. Then none is held.
   * @example
   * ```ts
   * await using both = await locks.acquireAll(["account:1", "account:2"])
   * await transfer({ signal: both.signal })
   * ```
   */
  async acquireAll(names: readonly string[], options?: AcquireOptions): Promise<LockGroup> {
    checkNames(names)
    // The caller's list may change while the locks are waited for.
    const wanted = [...names]
    for (const name of wanted) checkName(this.#plan.prefix, name)
    const all = withDefaults(this.#plan.defaults, options)
    const plan = resolveAcquireOptions(all)
    plan.signal?.throwIfAborted()
    return acquireAll(wanted, all, plan, {
      acquire: (name, each) => this.#acquire(name, each),
      tryAcquire: (name, each) => this.#tryAcquire(name, each),
    })
  }

  /**
   * Ends whatever hold there is, whoever has it, and lets those who wait go on: for operators. The holder is told as
   * one that was robbed: see `steal`.
   *
   * @throws `LockBackendError` when the database failed.
   */
  async forceRelease(name: string): Promise<void> {
    this.#single("forceRelease:")
    const { waitUntil } = this.#plan.defaults
    const lock = await this.#acquire(name, { waitUntil }, { steal: true })
    await lock.release()
  }

  /**
   * Takes a hold over that another process handed on with `lock.transfer()`. It is renewed from now on, unless
   * `renew` is false: then its ttl goes on as it was.
   *
   * > [!WARNING]
   * > It recognises the hold, not the adopter: a message that is delivered twice makes two holders.
   *
   * @throws `LockLostError` when the hold is over by now; `LockBackendError` when the database failed.
   */
  async adopt(transfer: LockTransfer, options?: AdoptOptions): Promise<Lock> {
    const { name, token, ttlMs, fencingToken, mode = "exclusive" } = checkTransfer(transfer)
    checkName(this.#plan.prefix, name)
    const defaults: AdoptOptions = { ...this.#plan.defaults, ttl: ttlMs }
    const plan = resolveHoldOptions({ ...overlay(defaults, options), mode })
    const claim = { name, token, waitUntil: plan.waitUntil }
    const { store } = this.#plan
    const isWatching = token.endsWith(WATCHING)
    if (options?.watch && !isWatching) {
      throw new TypeError(
        "watch: not supported for a transferred hold that was acquired without it",
      )
    }
    const theft = plan.watch && isWatching ? await this.#watch(token) : undefined
    store.checkTtl?.(plan.ttlMs)
    const validity = await this.#ask(name, "adopt", (timeoutMs) => store.readHold(claim, timeoutMs))
    if (typeof validity === "string") {
      throw new LockLostError(name, validity === "gone" ? "expired" : validity)
    }
    if (validity.remainingMs <= 0) throw new LockLostError(name, "expired")
    return this.#hold(claim, plan, {
      validity,
      fencingToken,
      isLease: false,
      theft,
      withdrawUnsettled: () => [],
    })
  }

  /**
   * Looks at a lock without touching it: for dashboards, not for decisions. What it says may be over by the time
   * that it is read.
   *
   * @throws `LockBackendError` when the database failed.
   *
   * @example
   * ```ts
   * const { isHeld, waiting } = await locks.inspect("invoice:42")
   * ```
   */
  async inspect(name: string): Promise<LockStatus> {
    checkName(this.#plan.prefix, name)
    const database = this.#single("inspect:")
    const { leftMs, waiting } = await this.#ask(name, "inspect", (timeoutMs) =>
      database.inspect(name, timeoutMs),
    )
    return { name, isHeld: leftMs !== undefined, remainingMs: leftMs ?? 0, waiting }
  }

  /** The options of a call that does not wait. */
  #immediate<T extends AcquireOptions>(defaults: T, options: AcquireOptions | undefined): T {
    if (options?.wait !== undefined) {
      throw new TypeError("wait: tryAcquire does not wait; call acquire instead")
    }
    return withDefaults(defaults, options)
  }

  async #request(
    name: string,
    defaults: AcquireOptions,
    args: readonly unknown[],
    terms: SpecialTerms = {},
  ): Promise<unknown> {
    const { options: given, callback } = readRequestArguments(defaults, args)
    const { steal, ifAvailable, ...options } = given
    const run = async () => {
      const lock = ifAvailable
        ? await this.#tryAcquire(name, options, terms)
        : await this.#acquire(name, options, { ...terms, steal })
      if (!lock) return (callback as (lock: null) => unknown)(null)
      return whileHeld(lock, callback as (lock: Lock) => unknown, this.#plan.emit)
    }
    const running = run()
    const { waitUntil } = options
    // A client that goes away would otherwise take the callback along, and with it the release. Anything but a function
    // is refused by the acquire.
    if (typeof waitUntil === "function") {
      safeCallback("waitUntil", waitUntil)(Promise.allSettled([running]))
    }
    return running
  }

  async #tryAcquire(
    name: string,
    options: AcquireOptions,
    terms?: SpecialTerms,
  ): Promise<Lock | null> {
    try {
      return await this.#acquire(name, { ...options, wait: 0 }, terms)
    } catch (error) {
      if (error instanceof LockTimeoutError) return null
      throw error
    }
  }

  /** @param options with the manager's defaults; none for these alone */
  async #acquire(
    name: string,
    options: AcquireOptions | undefined,
    terms?: SpecialTerms,
  ): Promise<Lock> {
    checkName(this.#plan.prefix, name)
    const plan = options ? resolveAcquireOptions(options, terms) : this.#plan.resolved
    const { store, timeoutMs, emit } = this.#plan
    store.checkTtl?.(plan.ttlMs)
    const token = createToken(this.clientId, plan.watch)
    const watch = plan.watch ? await this.#watch(token) : undefined
    if (plan.mode === "shared") this.#single('mode: "shared"')
    const stealFrom = plan.steal ? this.#single("steal:") : undefined
    // Spreads come last, here and in `#hold`: see resolveAcquireOptions.
    const request = { name, token, timeoutMs, stealFrom, channel: watch?.channel, ...plan }
    const { waitUntil } = plan
    const acquisition = new Acquisition(store, request, emit, waitUntil)
    const { grant, waitedMs, requests, withdrawUnsettled } = await acquisition.run()
    const { fencingToken } = grant
    emit?.({ type: "granted", name, waitedMs, requests, fencingToken })
    return this.#hold({ name, token: grant.token ?? token, waitUntil }, plan, {
      ...grant,
      withdrawUnsettled,
      theft: watch && { ...watch, stream: grant.stream },
    })
  }

  async #watch(token: string): Promise<Watch | undefined> {
    this.#single("watch:")
    const { queue } = this.#plan.store
    return queue && { queue, channel: await theftChannel(token) }
  }

  /** What one database can do, and nothing else. @throws `NotSupportedError` where there are several. */
  #single(what: string): SingleDatabase {
    const { single } = this.#plan.store
    if (typeof single === "string") throw notSupported(`${what} ${single}`)
    return single
  }

  /** Asks what changes nothing. */
  #ask<T>(name: string, phase: LockPhase, question: (timeoutMs: number) => Promise<T>): Promise<T> {
    return callDatabase(name, phase, question, { withinMs: this.#plan.timeoutMs })
  }

  #hold(
    claim: Claim,
    plan: ResolvedHoldOptions,
    grant: Omit<Grant, "kind"> & Pick<Hold, "withdrawUnsettled" | "theft">,
  ): Lock {
    const { store, timeoutMs, emit } = this.#plan
    return new Lock({ store, claim, timeoutMs, emit, ...plan, ...grant })
  }
}
