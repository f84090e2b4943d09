// A Lock is one grant: it owns everything about it, from its validity to its release.
/// <reference lib="esnext.disposable" preserve="true" />
import { LockBackendError } from "../errors.js"
import type { Emit, ReleaseResult } from "../events.js"
import type { LockMode, WaitUntil } from "../options.js"
import { RedisError } from "../redis/redis-error.js"
import { callDatabase, type RetryOptions } from "../redis/retry.js"
import type { Claim, HoldStore } from "../redis/store.js"
import { deadlineMs, elapsedMs, now, Validity } from "../time/validity.js"
import { type Duration, parseTtl } from "../time/duration.js"
import type { LockTransfer } from "./lock-transfer.js"

import { Renewal, Standing, type WeakHandle, weakly } from "./standing.js"

/** What a Lock is made of. */
export interface Hold {
  readonly store: HoldStore
  readonly claim: Claim
  /** What it was acquired with. */
  readonly ttlMs: number
  readonly mode: LockMode
  readonly validity: Validity
  /** Whether it was granted for a short time only and has to be extended to its ttl at once. */
  readonly isLease: boolean
  /** Whether nobody was waiting when it was granted, as far as is known. */
  readonly isUncontended?: boolean
  readonly fencingToken: number | undefined
  readonly renew: boolean
  /** The longest that renewals keep it alive. */
  readonly maxHoldMs: number
  /** The longest that one request may take. */
  readonly timeoutMs: number
  /** Takes back what its acquire call gave up and may yet be executed. */
  readonly withdrawLate: () => readonly Promise<unknown>[]
  readonly emit: Emit | undefined
  readonly waitUntil: WaitUntil
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
  /** The name under which it was asked for. */
  readonly name: string
  /** Whether it is held alone or shared. A permit of a semaphore is shared. */
  readonly mode: LockMode
  /**
   * A number greater than that of every earlier holder of this name, where `fencing` was asked for. A resource
   * that refuses smaller numbers than it has seen is safe from holders that do not know that they are late.
   */
  readonly fencingToken: number | undefined

  readonly #hold: Hold
  /** When the hold began, or was adopted. */
  readonly #since = now()
  readonly #standing: Standing
  /** The database itself has said that the hold is over. */
  #isConfirmedLost = false
  /** A release was sent whose outcome is not known. */
  #mayBeReleased = false
  #isKept = false
  #releasing: Promise<ReleaseResult> | undefined

  /** @internal */
  constructor(hold: Hold) {
    this.name = hold.claim.name
    this.mode = hold.mode
    this.fencingToken = hold.fencingToken
    this.#hold = hold
    this.#standing = new Standing(this.name, hold.validity, hold.emit)
    if (hold.renew || hold.isLease)
      this.#standing.renewal = startRenewal(weakly(this), hold, this.#standing)
  }

  /** What proves that the hold is ours: `fl_<clientId>_<random>`. Treat it as a secret. */
  get token(): string {
    return this.#hold.claim.token
  }

  /** When the hold can no longer be trusted unless it is extended: epoch milliseconds of the local clock. */
  get expiresAtMs(): number {
    return Math.floor(this.#standing.expiry.endsAtMs)
  }

  /** How long the hold can be trusted, in milliseconds by the local clock; 0 once it is over. */
  get remainingMs(): number {
    const { state, expiry } = this.#standing
    return state === "held" ? expiry.remainingMs : 0
  }

  /**
   * Aborted the moment the hold can no longer be trusted, with a `LockLostError` as its reason; not by a
   * release. Pass it to whatever the lock protects.
   */
  get signal(): AbortSignal {
    return this.#standing.signal
  }

  /**
   * Lets the hold last for at least `ttl` from now on. A hold is never shortened.
   *
   * @param ttl how long from now. Default: the ttl it was acquired with
   * @throws `LockLostError` when the lock is not held any more, `LockBackendError` when the database failed:
   *   then the hold lasts as long as it did before.
   */
  async extend(ttl?: Duration): Promise<void> {
    const ttlMs = ttl === undefined ? this.#hold.ttlMs : parseTtl(ttl)
    this.#hold.store.checkTtl?.(ttlMs)
    this.#standing.assertHeld()
    try {
      await callDatabase(this.name, "extend", (leftMs) => this.#extendOnce(ttlMs, leftMs), {
        withinMs: this.#hold.timeoutMs,
        worthwhile: () => this.remainingMs > 0,
      })
    } catch (error) {
      this.#standing.assertHeld()
      throw error
    }
  }

  /**
   * Releases the lock. Calling it again sends nothing and answers the same.
   *
   * @returns `released`; `taken` when somebody else has it by now (or it was transferred); `gone` when nobody
   *   has. A client that re-sends by itself may make one of the latter out of a release whose answer was lost.
   * @throws `LockBackendError` when that cannot be found out. Then the lock ends with its ttl at the latest, and
   *   `release()` may be called again.
   */
  release(): Promise<ReleaseResult> {
    if (this.#standing.state === "transferred") return Promise.resolve("taken")
    this.#releasing ??= this.#release({ withinMs: this.#hold.timeoutMs })
    return this.#releasing
  }

  /**
   * Leaves the lock held for at least `ttl` from now (a hold is never shortened) and lets go of it: it is no longer renewed, and neither the end of a
   * `request` nor that of an `await using` releases it. For jobs that must not run again for a while.
   *
   * An explicit `release()` still releases it.
   *
   * @throws as `extend` does; then nothing has changed.
   */
  async keep(ttl: Duration): Promise<void> {
    await this.extend(parseTtl(ttl))
    this.#standing.stopTimers()
    this.#isKept = true
  }

  /**
   * Hands the hold to whoever gets the result: this process stops renewing and will not release.
   *
   * The other one calls `locks.adopt()` with it, before the ttl is over.
   *
   * @throws `LockLostError` when there is nothing left to hand over.
   */
  transfer(): LockTransfer {
    this.#standing.assertHeld()
    this.#standing.state = "transferred"
    this.#standing.stopTimers()
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

  /** @internal */
  stopRenewing(): void {
    this.#standing.renewal?.stop()
  }

  /** The facts, with nothing secret among them. */
  toJSON(): {
    name: string
    mode: LockMode
    fencingToken: number | undefined
    expiresAtMs: number
  } {
    const { name, mode, fencingToken, expiresAtMs } = this
    return { name, mode, fencingToken, expiresAtMs }
  }

  /** @internal What Node, Deno and Bun print, asked for hidden properties and getters or not: never the token. */
  [INSPECT](
    _depth: unknown,
    options: unknown,
    inspect: (value: object, options: unknown) => string,
  ): string {
    return `Lock ${inspect(this.toJSON(), options)}`
  }

  /**
   * The end of the scope: releases the lock unless that was done or `keep` or `transfer` was called.
   *
   * Never throws: the work is done, and a release that fails does not undo it. It is tried again while the hold
   * is valid, without being waited for, and then reported to `onEvent`.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isKept || this.#standing.state === "transferred") {
      this.#standing.stopTimers()
      return
    }
    if (this.#isConfirmedLost) return
    await new Promise<void>((resolve) => {
      const releasing = (this.#releasing ??= this.#release({
        tries: Infinity,
        worthwhile: () => this.#standing.expiry.remainingMs > 0,
        onFailure: () => {
          this.#hold.waitUntil(done)
          resolve()
        },
      }))
      // Reported by #release as an event, and to whoever called release().
      const done = releasing.catch(() => undefined).finally(resolve)
    })
  }

  /** @internal */
  async renew(ttlMs: number): Promise<"renewed" | "lost" | "unknown"> {
    try {
      await this.#extendOnce(ttlMs, this.#hold.timeoutMs)
      return "renewed"
    } catch (error) {
      // Whoever was refused may be let in again, so that counts as unknown: the hold's end is near enough.
      return error instanceof RedisError && this.#standing.state === "held" ? "unknown" : "lost"
    }
  }

  async #extendOnce(ttlMs: number, timeoutMs: number): Promise<void> {
    // Nothing but releases is sent once a release was; and the pause between two tries was long enough for one.
    this.#standing.assertHeld()
    // Half of what is left, so that an answer that does not come can be asked for once more.
    const timeout = deadlineMs(timeoutMs, this.remainingMs / 2)
    const { store, claim } = this.#hold
    const answer = await store.extend({ ...claim, ttlMs }, timeout)
    this.#standing.assertHeld()
    if (typeof answer === "string") {
      this.#isConfirmedLost = true
      // The local clock has just said that its time is not up, and the server ends a key later than that.
      this.#standing.lose(answer === "gone" ? "deleted" : answer)
      this.#standing.assertHeld()
    } else {
      this.#standing.expiry.prolong(answer)
      this.#hold.emit?.({ type: "renewed", name: this.name, remainingMs: this.remainingMs })
    }
  }

  async #release(options: RetryOptions): Promise<ReleaseResult> {
    const { store, claim, isUncontended, timeoutMs, emit } = this.#hold
    const ending = { ...claim, isUncontended }
    const wasHeld = this.#standing.state === "held"
    if (wasHeld) this.#standing.state = "released"
    this.#standing.stopTimers()
    try {
      const ask = (leftMs: number) => store.release(ending, Math.min(timeoutMs, leftMs))
      const result = await callDatabase(this.name, "release", ask, {
        ...options,
        onUnknown: () => {
          this.#mayBeReleased ||= wasHeld
        },
      })
      // Whoever took it after a release whose answer was lost got it from us.
      const truth = this.#mayBeReleased ? "released" : result
      emit?.({ type: "released", name: this.name, result: truth, heldMs: elapsedMs(this.#since) })
      this.#withdrawLateOnes()
      return truth
    } catch (error) {
      this.#releasing = undefined
      if (error instanceof LockBackendError) {
        emit?.({ type: "release-failed", name: this.name, error })
      }
      throw error
    }
  }

  /** What is executed after the release takes the lock, or a place, for nobody. */
  #withdrawLateOnes(): void {
    const { withdrawLate, waitUntil } = this.#hold
    const pending = withdrawLate()
    // One that fails leaves the name locked for a ttl at most, as was promised.
    if (pending.length > 0) waitUntil(Promise.all(pending))
  }
}

/** Outside of the class: what a closure made there captures would keep the handle alive. */
function startRenewal(
  handle: WeakHandle<Lock>,
  { ttlMs, maxHoldMs, renew, isLease }: Hold,
  { expiry }: Standing,
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

/** A lock that was asked for with `fencing`, so that its fencing token is there. */
export type FencedLock = Lock & { readonly fencingToken: number }
