// A Lock is one grant, from its validity to its release.
/// <reference lib="esnext.disposable" preserve="true" />
import { LockBackendError } from "../errors.js"
import type { Emit, ReleaseResult } from "../events.js"
import type { LockMode, WaitUntil } from "../options.js"
import { RedisError } from "../redis/redis-error.js"
import { callDatabase, type RetryOptions } from "../redis/retry.js"
import type { Claim, HoldStore } from "../redis/store.js"
import { deadlineMs, now, Validity } from "../time/validity.js"
import { type Duration, parseTtl } from "../time/duration.js"
import type { LockTransfer } from "./lock-transfer.js"
import { type Watch, watchHold } from "./watch.js"
import { Renewal, HoldMonitor, type OpenHolds, type WeakHandle, weakly } from "./hold-monitor.js"

/** The parts of a Lock. */
export interface Hold {
  readonly store: HoldStore
  readonly claim: Claim
  /** The ttl with which it was acquired. */
  readonly ttlMs: number
  readonly mode: LockMode
  readonly validity: Validity
  /** Whether it is a short lease that has to be extended to its ttl at once. */
  readonly isLease: boolean
  /** Whether it had no waiters when it was granted, as far as is known. */
  readonly isUncontended?: boolean
  readonly fencingToken: number | undefined
  readonly renew: boolean
  /** The longest that renewals keep it alive. */
  readonly maxHoldMs: number
  /** The longest that one request may take. */
  readonly timeoutMs: number
  /**
   * Called before a release; its result is called after it, and withdraws the requests of the acquire call that were
   * unsettled before it, and may have been executed after it.
   */
  readonly noteUnsettled: () => () => readonly Promise<unknown>[]
  /** Where it is notified when it is stolen, if it is to be. */
  readonly stealWatch?: Watch | undefined
  readonly emit: Emit | undefined
  readonly waitUntil: WaitUntil
  /** The open holds of its manager. */
  readonly open: Pick<OpenHolds, "add">
}

const INSPECT = Symbol.for("nodejs.util.inspect.custom")

/**
 * A lock that was granted to this process.
 *
 * @example
 * ```ts
 * const lock = await locks.acquire("invoice:42")
 * try {
 *   await charge({ signal: lock.signal })
 * } finally {
 *   await lock.release()
 * }
 * ```
 */
export class Lock {
  /** The name with which it was acquired. */
  readonly name: string
  /** Whether the hold is exclusive or shared. A permit of a semaphore is shared. */
  readonly mode: LockMode
  /**
   * With `fencing`: a number greater than that of every earlier holder of this name. A resource that refuses smaller
   * numbers than it has seen is safe from holders that have not noticed that their hold is over.
   */
  readonly fencingToken: number | undefined

  readonly #hold: Hold
  readonly #monitor: HoldMonitor
  /** The database has confirmed that the hold is over. */
  #isConfirmedLost = false
  /** The outcome of a release that was sent is unknown. */
  #mayBeReleased = false
  #isKept = false
  #releasing: Promise<ReleaseResult> | undefined

  /** @internal */
  constructor(hold: Hold) {
    this.name = hold.claim.name
    this.mode = hold.mode
    this.fencingToken = hold.fencingToken
    this.#hold = hold
    this.#monitor = new HoldMonitor(this.name, hold.validity, hold.emit)
    const handle = weakly(this)
    if (hold.renew || hold.isLease)
      this.#monitor.renewal = startRenewal(handle, hold, this.#monitor)
    // A lease may be over before it begins.
    if (hold.stealWatch && this.#monitor.state === "held")
      startWatch(handle, hold, hold.stealWatch, this.#monitor)
    this.#monitor.forget = hold.open.add(this, this.name, true)
  }

  /** The token that proves that the hold is ours: `fl_<clientId>_<random>`. Treat it as a secret. */
  get token(): string {
    return this.#hold.claim.token
  }

  /** When the hold can no longer be trusted unless it is extended: epoch milliseconds of the local clock. */
  get expiresAtMs(): number {
    return Math.floor(this.#monitor.expiry.endsAtMs)
  }

  /** How long the hold can be trusted, in milliseconds by the local clock; 0 once it is over. */
  get remainingMs(): number {
    const { state, expiry } = this.#monitor
    return state === "held" ? expiry.remainingMs : 0
  }

  /**
   * Aborted the moment the hold can no longer be trusted, with a `LockLostError` as its reason; not by a
   * release. Pass it to the work that the lock protects.
   */
  get signal(): AbortSignal {
    return this.#monitor.signal
  }

  /**
   * Extends the hold to at least `ttl` from now. It never shortens a hold.
   *
   * @param ttl how long from now. Default: the ttl with which it was acquired
   * @throws `LockLostError` when the lock is not held any more, `LockBackendError` when the database failed:
   *   then the hold ends when it would have ended before; `TypeError` or `RangeError` for an invalid ttl.
   * @example
   * ```ts
   * await lock.extend("2m")
   * ```
   */
  async extend(ttl?: Duration): Promise<void> {
    const ttlMs = ttl === undefined ? this.#hold.ttlMs : parseTtl(ttl)
    this.#hold.store.checkTtl?.(ttlMs)
    this.#monitor.assertHeld()
    try {
      await callDatabase(this.name, "extend", (leftMs) => this.#extendOnce(ttlMs, leftMs), {
        withinMs: this.#hold.timeoutMs,
        worthwhile: () => this.remainingMs > 0,
      })
    } catch (error) {
      this.#monitor.assertHeld()
      throw error
    }
  }

  /**
   * Releases the lock. A further call sends nothing and returns the same result.
   *
   * @returns `released`; `taken` when another holder has it by now (or it was transferred); `gone` when it is not held.
   *   With a client that retries by itself, a release whose reply was lost may be reported as `taken` or `gone`.
   * @throws `LockBackendError` when the outcome stays unknown. The lock then ends with its ttl at the latest, and
   *   `release()` may be called again.
   * @example
   * ```ts
   * const result = await lock.release()
   * if (result !== "released") console.warn(`the hold was over: ${result}`)
   * ```
   */
  release(): Promise<ReleaseResult> {
    if (this.#monitor.state === "transferred") return Promise.resolve("taken")
    return this.#releaseOnce()
  }

  /**
   * Keeps the lock held for at least `ttl` from now (a hold is never shortened) and stops managing it: it is no longer
   * renewed, and neither the end of a `request` nor that of an `await using` releases it. For jobs that must not run again
   * for a while.
   *
   * An explicit `release()` still releases it.
   *
   * @throws as `extend` does; then nothing has changed.
   * @example
   * ```ts
   * await locks.request("daily-report", { ifAvailable: true }, async (lock) => {
   *   if (!lock) return
   *   await buildReport()
   *   await lock.keep("12h")
   * })
   * ```
   */
  async keep(ttl: Duration): Promise<void> {
    await this.extend(parseTtl(ttl))
    this.#monitor.end()
    this.#isKept = true
    this.#monitor.emitEnd({ type: "kept" })
  }

  /**
   * Hands the hold over to another process: this one stops renewing and will not release it.
   *
   * The other process calls `locks.adopt()` with the result before the ttl is over.
   *
   * @throws `LockLostError` when the lock is not held any more.
   * @example
   * ```ts
   * const lock = await locks.acquire("video:7", { ttl: "5m" })
   * await queue.send({ video: 7, lock: lock.transfer() })
   * ```
   */
  transfer(): LockTransfer {
    this.#monitor.assertHeld()
    this.#monitor.state = "transferred"
    this.#monitor.end()
    this.#monitor.emitEnd({ type: "transferred" })
    const { claim, mode, ttlMs, fencingToken } = this.#hold
    const { name, token } = claim
    return {
      name,
      token,
      ttlMs,
      ...(fencingToken !== undefined && { fencingToken }),
      ...(mode === "shared" && { mode }),
    }
  }

  /** @internal Releases it although its holder still uses it, and says so by its signal. */
  revoke(): Promise<unknown> {
    this.#monitor.loseIfHeld("released")
    return this.#releaseOnce()
  }

  /** @internal */
  stopRenewing(): void {
    this.#monitor.renewal?.stop()
  }

  /**
   * The public facts, without the token. Never throws.
   *
   * @example
   * ```ts
   * console.log(JSON.stringify(lock)) // {"name":"invoice:42","mode":"exclusive","expiresAtMs":1766000000000}
   * ```
   */
  toJSON(): {
    name: string
    mode: LockMode
    fencingToken: number | undefined
    expiresAtMs: number
  } {
    const { name, mode, fencingToken, expiresAtMs } = this
    return { name, mode, fencingToken, expiresAtMs }
  }

  /** @internal The output of Node, Deno and Bun, also with hidden properties and getters: never the token. */
  [INSPECT](
    _depth: unknown,
    options: unknown,
    inspect: (value: object, options: unknown) => string,
  ): string {
    return `Lock ${inspect(this.toJSON(), options)}`
  }

  /**
   * Releases the lock at the end of its scope, unless it was released already or `keep` or `transfer` was called.
   *
   * Never throws: the work is done, and a failed release does not undo it. The release is retried in the background while
   * the hold is valid; a final failure is reported to `onEvent`.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isKept || this.#monitor.state === "transferred") {
      this.#monitor.stopTimers()
      return
    }
    if (this.#isConfirmedLost) return
    await new Promise<void>((resolve) => {
      const releasing = (this.#releasing ??= this.#release({
        tries: Infinity,
        worthwhile: () => this.#monitor.expiry.remainingMs > 0,
        onFailure: () => {
          this.#hold.waitUntil(done)
          resolve()
        },
      }))
      // #release reports a failure as an event, and to the callers of release().
      const done = releasing.catch(() => undefined).finally(resolve)
    })
  }

  /** @internal */
  async renew(ttlMs: number): Promise<"renewed" | "lost" | "unknown"> {
    try {
      await this.#extendOnce(ttlMs, this.#hold.timeoutMs)
      return "renewed"
    } catch (error) {
      // A refusal may be temporary (a rotated token, say), so keep retrying; the hold expires soon anyway.
      return error instanceof RedisError && this.#monitor.state === "held" ? "unknown" : "lost"
    }
  }

  async #extendOnce(ttlMs: number, timeoutMs: number): Promise<void> {
    // After a release only releases may be sent, and there may have been one in the pause between two tries.
    this.#monitor.assertHeld()
    // Half of the remaining time, so that a request without a reply can be sent once more.
    const timeout = deadlineMs(timeoutMs, this.remainingMs / 2)
    const { store, claim } = this.#hold
    const result = await store.extend({ ...claim, ttlMs }, timeout)
    this.#monitor.assertHeld()
    if (typeof result === "string") {
      this.#isConfirmedLost = true
      // By the local clock its time is not up, and the server ends a key later than that: so it was deleted.
      this.#monitor.lose(result === "gone" ? "deleted" : result)
      this.#monitor.assertHeld()
    } else {
      const isLonger = this.#monitor.expiry.prolong(result)
      if (!isLonger) return
      this.#hold.emit?.({ type: "renewed", name: this.name, remainingMs: this.remainingMs })
    }
  }

  #releaseOnce(): Promise<ReleaseResult> {
    return (this.#releasing ??= this.#release({ withinMs: this.#hold.timeoutMs }))
  }

  async #release(options: RetryOptions): Promise<ReleaseResult> {
    const { store, claim, isUncontended, timeoutMs, emit } = this.#hold
    const request = { ...claim, isUncontended }
    const wasHeld = this.#monitor.state === "held"
    if (wasHeld) this.#monitor.state = "released"
    this.#monitor.stopTimers()
    const withdrawUnsettled = this.#hold.noteUnsettled()
    try {
      const send = (leftMs: number) => store.release(request, Math.min(timeoutMs, leftMs))
      const result = await callDatabase(this.name, "release", send, {
        ...options,
        onUnknown: () => {
          this.#mayBeReleased ||= wasHeld
        },
      })
      // If the outcome of an earlier try was unknown, that try has released it, and the new holder got it from us.
      const actual = this.#mayBeReleased ? "released" : result
      this.#monitor.emitEnd({ type: "released", result: actual })
      // They would take the lock, or a place, again. A failure leaves the name locked for at most one ttl, as documented.
      const pending = withdrawUnsettled()
      if (pending.length > 0) this.#hold.waitUntil(Promise.all(pending))
      return actual
    } catch (error) {
      this.#releasing = undefined
      if (error instanceof LockBackendError) {
        emit?.({ type: "release-failed", name: this.name, error })
      }
      // Its holder has let go of it, whether the release can be sent again or not.
      this.#monitor.emitEnd({ type: "released", result: "unknown" })
      throw error
    } finally {
      this.#monitor.end()
    }
  }
}

/** Not a method: a closure created there would capture `this` and keep the handle alive. */
function startRenewal(
  handle: WeakHandle<Lock>,
  { ttlMs, maxHoldMs, renew, isLease }: Hold,
  { expiry }: HoldMonitor,
): Renewal {
  return new Renewal(
    {
      remainingMs: () => expiry.remainingMs,
      renew: (ms) => handle.deref()?.renew(ms) ?? Promise.resolve("abandoned"),
    },
    ttlMs,
    { isOnce: !renew, isDue: isLease, until: new Validity(now(), maxHoldMs) },
  )
}

/** Outside the class for the same reason. The check is a renewal if there are any: then it costs nothing in the end. */
function startWatch(
  handle: WeakHandle<Lock>,
  { ttlMs, renew, maxHoldMs, timeoutMs }: Hold,
  watch: Watch,
  monitor: HoldMonitor,
): void {
  const checkedMs = renew && maxHoldMs === Infinity ? ttlMs : 1
  watchHold(monitor, watch, timeoutMs, () => void handle.deref()?.renew(checkedMs))
}

/** A lock that was acquired with `fencing`, so it has a fencing token. */
export type FencedLock = Lock & { readonly fencingToken: number }
