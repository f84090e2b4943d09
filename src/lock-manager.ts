// The manager: the settings of its locks and the calls that acquire them. Of a grant it keeps a weak reference at most.
import { acquireAll, checkNames } from "./acquire/acquire-all.js"
import { Acquisition } from "./acquire/acquisition.js"
import { Attempts } from "./acquire/attempts.js"
import { readRequestArguments } from "./acquire/request-arguments.js"
import { LockLostError, type LockPhase, LockTimeoutError } from "./errors.js"
import type { ReleaseAllResult } from "./hold/hold-monitor.js"
import type { LockGroup } from "./hold/lock-group.js"
import { checkTransfer, type LockTransfer } from "./hold/lock-transfer.js"
import { type FencedLock, type Hold, Lock } from "./hold/lock.js"
import { stealChannel, type Watch } from "./hold/watch.js"
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
 * Create it at module scope, or again for each request: it costs next to nothing, and sends no request.
 *
 * @example
 * ```ts
 * import { LockManager } from "fetchlock"
 *
 * const locks = new LockManager({ redis: { url, token } })
 * await locks.request("invoice:42", async (lock) => {
 *   await charge({ signal: lock.signal })
 * })
 * ```
 */
export class LockManager {
  readonly #settings: ResolvedManagerOptions
  #clientId: string | undefined

  /**
   * @param options the database, and defaults for all calls
   * @throws `TypeError` or `RangeError` that names the option.
   */
  constructor(options: LockManagerOptions) {
    this.#settings = resolveManagerOptions(options)
    this.#clientId = this.#settings.clientId
  }

  /**
   * A manager for the database in the environment variables `UPSTASH_REDIS_REST_URL` and
   * `UPSTASH_REDIS_REST_TOKEN`, or `KV_REST_API_URL` and `KV_REST_API_TOKEN`.
   *
   * @param env the variables. Default: `process.env`; on Workers pass the `env` of the request
   * @param options as for the constructor, without `redis`
   * @throws `TypeError` that says which variable is missing; `TypeError` or `RangeError` that names an invalid option.
   * @example
   * ```ts
   * import { LockManager } from "fetchlock"
   *
   * const locks = LockManager.fromEnv(process.env, { prefix: "shop:" })
   * ```
   */
  static fromEnv(env?: object, options: Omit<LockManagerOptions, "redis"> = {}): LockManager {
    return new LockManager({ ...options, redis: restConfigFromEnv(env) })
  }

  /** @internal For the adapters. */
  static settingsOf(locks: LockManager): ResolvedManagerOptions {
    return locks.#settings
  }

  /** @internal For the adapters: takes the lock from its holder, unlike `request` also with a signal. */
  static async steal(locks: LockManager, name: string, options: AcquireOptions): Promise<Lock> {
    return locks.#acquire(name, withDefaults(locks.#settings.defaults, options), { steal: true })
  }

  /** Identifies the owner of the locks; part of each token, not secret. */
  get clientId(): string {
    // Not in the constructor: at module scope Workers do not allow random numbers.
    return (this.#clientId ??= createClientId())
  }

  /**
   * Takes the lock with a fencing token, and waits for it if it is held. See the other overload.
   *
   * @throws as `acquire` without `fencing` does; `TypeError` with `mode: "shared"`.
   * @example
   * ```ts
   * await using lock = await locks.acquire("account:7", { fencing: true })
   * const { fencingToken } = lock
   * await sql`update accounts set fence = ${fencingToken} where id = 7 and fence <= ${fencingToken}`
   * ```
   */
  acquire(name: string, options: AcquireOptions & { readonly fencing: true }): Promise<FencedLock>
  /**
   * Takes the lock, and waits for it if it is held: by default up to ten seconds, in a queue, first come, first served.
   *
   * Without contention it costs one request, and so does the release.
   *
   * @param name any text that does not begin with a hyphen; with the prefix at most about 32 kB
   * @param options how long to wait, how long the hold lasts, and more. Default: those of the manager
   * @throws `LockTimeoutError` when it was held by others for all of the wait; `LockBackendError` when the
   *   database failed; `LockClosedError` after `releaseAll()`; the signal's reason when that aborted; `TypeError` or
   *   `RangeError` for an invalid argument; `NotSupportedError` for an option that a quorum does not have.
   * @example
   * ```ts
   * await using lock = await locks.acquire("invoice:42", { wait: "5s" })
   * await charge({ signal: lock.signal })
   * ```
   */
  acquire(name: string, options?: AcquireOptions): Promise<Lock>
  async acquire(name: string, options?: AcquireOptions): Promise<Lock> {
    const all = options === undefined ? undefined : withDefaults(this.#settings.defaults, options)
    return this.#acquire(name, all)
  }

  /**
   * Takes the lock with a fencing token if it is free; null if it is held. See the other overload.
   *
   * @throws as `acquire` does, except the `LockTimeoutError`.
   * @example
   * ```ts
   * const lock = await locks.tryAcquire("account:7", { fencing: true })
   * if (lock) console.log(lock.fencingToken)
   * ```
   */
  tryAcquire(
    name: string,
    options: TryAcquireOptions & { readonly fencing: true },
  ): Promise<FencedLock | null>
  /**
   * Takes the lock if it is free; null if it is held. It never waits, and never enters the queue.
   *
   * @param name any text that does not begin with a hyphen; with the prefix at most about 32 kB
   * @param options how the lock is held. Default: those of the manager
   * @throws as `acquire` does, except the `LockTimeoutError`.
   * @example
   * ```ts
   * await using lock = await locks.tryAcquire("daily-report", { ttl: "10m" })
   * if (lock) await buildReport()
   * ```
   */
  tryAcquire(name: string, options?: TryAcquireOptions): Promise<Lock | null>
  async tryAcquire(name: string, options?: AcquireOptions): Promise<Lock | null> {
    return this.#tryAcquire(name, this.#immediate(this.#settings.defaults, options))
  }

  /**
   * Runs the callback while the lock is held, as in the Web Locks standard: the lock is renewed meanwhile, and always
   * released afterwards.
   *
   * Settles as the callback does. Rejects with a `LockLostError` the moment the hold is lost; the callback, which
   * cannot be stopped, learns of it from `lock.signal`.
   *
   * @throws the callback's error; as `acquire` does; `LockLostError` the moment the hold is lost.
   * @see https://w3c.github.io/web-locks/#api-lock-manager-request
   * @example
   * ```ts
   * await locks.request("invoice:42", (lock) => charge({ signal: lock.signal }))
   * ```
   */
  request<T>(name: string, callback: (lock: Lock) => T): Promise<Awaited<T>>
  /**
   * Runs the callback with a fencing token while the lock is held; with null, at once, if it is not free.
   *
   * @throws as `request` without options does, except the `LockTimeoutError`; `NotSupportedError` for options that exclude
   *   each other.
   * @example
   * ```ts
   * await locks.request("account:7", { ifAvailable: true, fencing: true }, (lock) => lock?.fencingToken)
   * ```
   */
  request<T>(
    name: string,
    options: RequestOptions & { readonly ifAvailable: true; readonly fencing: true },
    callback: (lock: FencedLock | null) => T,
  ): Promise<Awaited<T>>
  /**
   * Runs the callback with a fencing token while the lock is held.
   *
   * @throws as `request` without options does; `NotSupportedError` for options that exclude each other.
   * @example
   * ```ts
   * await locks.request("account:7", { fencing: true }, async ({ fencingToken }) => {
   *   await sql`update accounts set fence = ${fencingToken} where id = 7 and fence <= ${fencingToken}`
   * })
   * ```
   */
  request<T>(
    name: string,
    options: RequestOptions & { readonly ifAvailable?: false; readonly fencing: true },
    callback: (lock: FencedLock) => T,
  ): Promise<Awaited<T>>
  /**
   * Runs the callback while the lock is held, with options: how long to wait, how the lock is held, whether to steal it.
   *
   * @throws as `request` without options does; `NotSupportedError` for options that exclude each other.
   * @example
   * ```ts
   * await locks.request("profile:7", { mode: "shared", wait: "5s" }, () => readProfile())
   * ```
   */
  request<T>(
    name: string,
    options: RequestOptions & { readonly ifAvailable?: false },
    callback: (lock: Lock) => T,
  ): Promise<Awaited<T>>
  /**
   * Runs the callback while the lock is held; with `ifAvailable` and a lock that is held, at once and with null.
   *
   * @throws as `request` without options does, except the `LockTimeoutError`; `NotSupportedError` for options that exclude
   *   each other.
   * @example
   * ```ts
   * await locks.request("daily-report", { ifAvailable: true }, async (lock) => {
   *   if (lock) await buildReport()
   * })
   * ```
   */
  request<T>(
    name: string,
    options: RequestOptions,
    callback: (lock: Lock | null) => T,
  ): Promise<Awaited<T>>
  async request(name: string, ...args: unknown[]): Promise<unknown> {
    return this.#request(name, this.#settings.defaults, args)
  }

  /**
   * A semaphore: a lock with up to `permits` holders at once.
   *
   * @param name any text that does not begin with a hyphen; with the prefix at most about 32 kB
   * @param permits a positive integer, the same for all callers that use the name
   * @throws `TypeError` or `RangeError` for an invalid argument; `NotSupportedError` on a quorum.
   * @example
   * ```ts
   * await using permit = await locks.semaphore("exports", 5).acquire()
   * ```
   */
  semaphore(name: string, permits: number): Semaphore {
    checkName(this.#settings.prefix, name)
    checkCount("permits", permits)
    this.#single("semaphore:")
    const terms = { permits }
    // Permits have no order.
    const defaults = { ...this.#settings.defaults, fencing: false, mode: undefined }
    return new Semaphore(name, permits, {
      acquire: async (options) => this.#acquire(name, withDefaults(defaults, options), terms),
      tryAcquire: async (options) =>
        this.#tryAcquire(name, this.#immediate(defaults, options), terms),
      request: async (args) => this.#request(name, defaults, args, terms),
    })
  }

  /**
   * Lists the holders and waiters of locks, as in the Web Locks standard. For people and dashboards: the result may be
   * outdated by the time you read it.
   *
   * > [!WARNING]
   * > Without a `name` it scans every key of the database, 1,000 with each request.
   *
   * @throws `LockBackendError` when the database failed; `TypeError` or `RangeError` for an invalid argument;
   *   `NotSupportedError` on a quorum.
   * @example
   * ```ts
   * const { held, pending } = await locks.query({ name: "invoice:42" })
   * ```
   */
  async query(options?: QueryOptions): Promise<LockManagerSnapshot> {
    const wanted = overlay<QueryOptions>({}, options)
    if (wanted.name !== undefined) checkName(this.#settings.prefix, wanted.name)
    return query(
      this.#single("query:"),
      (operation) => this.#read(wanted.name ?? "", "query", operation),
      wanted,
    )
  }

  /**
   * Takes several locks, all or nothing. It cannot deadlock with another call that names them in another order: a call that
   * waits holds only locks that come before, by name, and renews them meanwhile.
   *
   * @param names the names of the locks, without duplicates
   * @param options as for `acquire`; `wait` is for all of them together, `ttl` counts from the grant of the last one,
   *   `renew.maxHold` from the grant of each
   * @throws as `acquire` does; `LockLostError` when one was lost during the wait for the others. Then none is held.
   * @example
   * ```ts
   * await using both = await locks.acquireAll(["account:1", "account:2"])
   * await transfer({ signal: both.signal })
   * ```
   */
  async acquireAll(names: readonly string[], options?: AcquireOptions): Promise<LockGroup> {
    checkNames(names)
    // The caller's list may change during the wait.
    const wanted = [...names]
    for (const name of wanted) checkName(this.#settings.prefix, name)
    const all = withDefaults(this.#settings.defaults, options)
    const resolved = resolveAcquireOptions(all)
    return acquireAll(wanted, all, resolved, {
      acquire: (name, each) => this.#acquire(name, each),
      tryAcquire: (name, each) => this.#tryAcquire(name, each),
    })
  }

  /**
   * Ends any hold of the lock, so that its waiters can proceed: for operators. The previous holder finds out as with
   * `steal`.
   *
   * > [!WARNING]
   * > Until then, the previous holder still believes that it holds the lock, and its work goes on.
   *
   * @throws `LockBackendError` when the database failed; `LockTimeoutError` when the lock changes hands faster than a
   *   request travels; `LockClosedError` after `releaseAll()`; `TypeError` for an invalid name; `NotSupportedError` on a quorum.
   * @example
   * ```ts
   * await locks.forceRelease("invoice:42")
   * ```
   */
  async forceRelease(name: string): Promise<void> {
    this.#single("forceRelease:")
    const { waitUntil } = this.#settings.defaults
    const lock = await this.#acquire(name, { waitUntil }, { steal: true })
    await lock.release()
  }

  /**
   * Takes over a hold that another process handed over with `lock.transfer()`. It is renewed from now on; with `renew: false`
   * its ttl stays as it is.
   *
   * > [!WARNING]
   * > The transfer identifies the hold, not the adopter: a message that is delivered twice makes two holders.
   *
   * @param transfer what `lock.transfer()` returned, also after a way through JSON
   * @param options how it is held from now on. Default: those of the manager, with the ttl of the transfer
   * @throws `LockLostError` when the hold is over by now; `LockBackendError` when the database failed; `LockClosedError`
   *   after `releaseAll()`; `TypeError` or `RangeError` for an invalid argument.
   * @example
   * ```ts
   * await using lock = await locks.adopt(message.lock)
   * await charge({ signal: lock.signal })
   * ```
   */
  async adopt(transfer: LockTransfer, options?: AdoptOptions): Promise<Lock> {
    const { name, token, ttlMs, fencingToken, mode = "exclusive" } = checkTransfer(transfer)
    checkName(this.#settings.prefix, name)
    const defaults: AdoptOptions = { ...this.#settings.defaults, ttl: ttlMs }
    const resolved = resolveHoldOptions({ ...overlay(defaults, options), mode })
    const claim = { name, token, waitUntil: resolved.waitUntil }
    const { store, open } = this.#settings
    const isWatching = token.endsWith(WATCHING)
    if (options?.watch && !isWatching) {
      throw new TypeError("watch: not supported for a hold that was acquired without it")
    }
    const stealWatch = resolved.watch && isWatching ? await this.#watch(token) : undefined
    store.checkTtl?.(resolved.ttlMs)
    const { timeoutMs, emit } = this.#settings
    const bounds = {
      ...claim,
      open,
      ttlMs,
      timeoutMs,
      waitMs: 0,
      maxRequests: Infinity,
      signal: undefined,
    }
    const attempts = new Attempts(bounds, emit)
    const read = async () => {
      const validity = await this.#read(name, "adopt", (leftMs) => {
        attempts.count()
        return store.readHold(claim, leftMs)
      })
      if (typeof validity === "string") {
        throw new LockLostError(name, validity === "gone" ? "expired" : validity)
      }
      if (validity.remainingMs <= 0) throw new LockLostError(name, "expired")
      attempts.emitGranted(fencingToken)
      return validity
    }
    const validity = await attempts.track(read, () => Promise.resolve())
    return this.#hold(claim, resolved, {
      validity,
      fencingToken,
      isLease: false,
      stealWatch,
      noteUnsettled: () => () => [],
    })
  }

  /**
   * Reads the state of a lock without changing it: for dashboards, not for decisions. The result may be outdated by the time
   * you read it.
   *
   * @throws `LockBackendError` when the database failed; `TypeError` for an invalid name; `NotSupportedError` on a quorum.
   *
   * @example
   * ```ts
   * const { isHeld, waiting } = await locks.inspect("invoice:42")
   * ```
   */
  async inspect(name: string): Promise<LockStatus> {
    checkName(this.#settings.prefix, name)
    const database = this.#single("inspect:")
    const { leftMs, waiting } = await this.#read(name, "inspect", (timeoutMs) =>
      database.inspect(name, timeoutMs),
    )
    return { name, isHeld: leftMs !== undefined, remainingMs: leftMs ?? 0, waiting }
  }

  /**
   * Closes the manager when its process goes down: releases every hold of its handles at once, in one request where
   * possible, and has its waiters leave their places. The signals of these holds abort with the reason `released`. The
   * calls that wait, and every later call that would take a lock, reject with a `LockClosedError`; `inspect` and `query`
   * still work. Holds that were kept or transferred stay.
   *
   * Never throws, and takes about as long as the manager's `timeout` at most. Further calls return the same result.
   *
   * > [!WARNING]
   * > Nothing protects work that still runs. Let it end first, or have it stop when `lock.signal` aborts.
   *
   * @example
   * ```ts
   * process.once("SIGTERM", async () => {
   *   await locks.releaseAll()
   *   process.exit()
   * })
   * ```
   */
  releaseAll(): Promise<ReleaseAllResult> {
    const { store, timeoutMs, open } = this.#settings
    if (store.database) store.database.transport.isGathering = true
    return open.close(timeoutMs)
  }

  /** Calls `releaseAll()` at the end of a scope: `await using locks = new LockManager(…)`. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.releaseAll()
  }

  /** The options of a call that does not wait. */
  #immediate<T extends AcquireOptions>(defaults: T, options: AcquireOptions | undefined): T {
    if (options?.wait !== undefined) {
      throw new TypeError("wait: not supported by tryAcquire")
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
      return whileHeld(lock, callback as (lock: Lock) => unknown, this.#settings.emit)
    }
    const running = run()
    const { waitUntil } = options
    // Otherwise a client that disconnects would end the callback, and with it the release. Anything but a function is refused
    // by #acquire.
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

  /** @param options including the manager's defaults; undefined for these alone */
  async #acquire(
    name: string,
    options: AcquireOptions | undefined,
    terms?: SpecialTerms,
  ): Promise<Lock> {
    checkName(this.#settings.prefix, name)
    const resolved = options ? resolveAcquireOptions(options, terms) : this.#settings.resolved
    const { store, timeoutMs, emit, open } = this.#settings
    store.checkTtl?.(resolved.ttlMs)
    const token = createToken(this.clientId, resolved.watch)
    const watch = resolved.watch ? await this.#watch(token) : undefined
    if (resolved.mode === "shared") this.#single('mode: "shared"')
    const stealFrom = resolved.steal ? this.#single("steal:") : undefined
    // The spread comes last, here and in `#hold`: see resolveAcquireOptions.
    const channel = watch?.channel
    const request = { name, token, timeoutMs, stealFrom, channel, open, ...resolved }
    const { waitUntil } = resolved
    const acquisition = new Acquisition(store, request, emit)
    const { grant, noteUnsettled } = await acquisition.run()
    return this.#hold({ name, token: grant.token ?? token, waitUntil }, resolved, {
      ...grant,
      noteUnsettled,
      stealWatch: watch && { ...watch, stream: grant.stream },
    })
  }

  async #watch(token: string): Promise<Watch | undefined> {
    this.#single("watch:")
    const { queue } = this.#settings.store
    return queue && { queue, channel: await stealChannel(token) }
  }

  /** The operations that only a single database supports. @throws `NotSupportedError` on a quorum. */
  #single(feature: string): SingleDatabase {
    const { single } = this.#settings.store
    if (typeof single === "string") throw notSupported(`${feature} ${single}`)
    return single
  }

  /** Runs an operation that changes nothing. */
  #read<T>(
    name: string,
    phase: LockPhase,
    operation: (timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    return callDatabase(name, phase, operation, { withinMs: this.#settings.timeoutMs })
  }

  #hold(
    claim: Claim,
    resolved: ResolvedHoldOptions,
    grant: Omit<Grant, "kind"> & Pick<Hold, "noteUnsettled" | "stealWatch">,
  ): Lock {
    const { store, timeoutMs, emit, open } = this.#settings
    return new Lock({ store, claim, timeoutMs, emit, open, ...resolved, ...grant })
  }
}
