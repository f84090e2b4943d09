// The requests of one acquire call: counts them, limits their time, retries unknown outcomes, tracks unsettled ones, and emits
// the events of the call.
import { LockBackendError, LockClosedError, LockTimeoutError } from "../errors.js"
import type { Emit, NotGrantedReason, PollingReason } from "../events.js"
import type { Open, OpenHolds } from "../hold/hold-monitor.js"
import { RedisError } from "../redis/redis-error.js"
import { MAX_TRIES } from "../redis/retry.js"
import type {
  Busy,
  Claim,
  Grant,
  Held,
  Queued,
  SingleDatabase,
  LockRequest,
  Unsettled,
} from "../redis/store.js"
import { backoffMs } from "../time/backoff.js"
import { Budget, deadlineMs, SHORTEST_DEADLINE_MS } from "../time/validity.js"
import { type AnySignal, anySignal, sleep, untilAborted } from "../time/timers.js"

/** The limits of one acquire call. */
export interface AttemptBounds extends Claim {
  readonly ttlMs: number
  /** The longest time to wait; 0 tries once. */
  readonly waitMs: number
  readonly maxRequests: number
  /** The longest that one request may take. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  /** What its manager has open. */
  readonly open: Pick<OpenHolds, "add" | "has">
}

/** Another reply whose outcome is certain. */
interface Told {
  readonly kind: "told"
}

/**
 * How long a waiter in the queue tolerates a failing database: after 30 s without a heartbeat it has lost its place anyway
 * (shared/grant-next.lua).
 */
const LONGEST_OUTAGE_MS = 30_000

type Reply = Grant | Queued | Busy | Held | Told

export class Attempts implements Open {
  readonly #bounds: AttemptBounds
  readonly #emit: Emit | undefined
  readonly #wait: Budget
  #wasQueued = false
  #requests = 0
  /** The last request; on an abort it may be in flight. */
  #lastRequest: Promise<Reply> | undefined
  #mayHaveTaken = false
  readonly #unsettled = new Set<Unsettled>()
  #waiting: AnySignal | undefined
  #closed: LockClosedError | undefined
  #done: Promise<unknown> | undefined

  constructor(bounds: AttemptBounds, emit: Emit | undefined) {
    this.#bounds = bounds
    this.#emit = emit
    this.#wait = new Budget(bounds.waitMs)
  }

  get requests(): number {
    return this.#requests
  }

  get waitedMs(): number {
    return this.#wait.usedMs
  }

  /** The rest of the wait; negative after a freeze. */
  get leftMs(): number {
    return this.#wait.leftMs
  }

  /** The rest of the budget of requests. */
  get requestsLeft(): number {
    return this.#bounds.maxRequests - this.#requests
  }

  /** Ends the call with a `LockClosedError`: a wait at once, otherwise after the request in flight. */
  async revoke(): Promise<void> {
    this.#closed = new LockClosedError(this.#bounds.name)
    this.#waiting?.abort(this.#closed)
    await this.#done
  }

  /**
   * Runs the call, which emits its grant, and has its manager know of it until nothing is left of it.
   *
   * @param cleanUp for a call that fails; never rejects
   */
  async track<T>(run: () => Promise<T>, cleanUp: () => Promise<unknown>): Promise<T> {
    const { open, name, signal, waitUntil } = this.#bounds
    try {
      signal?.throwIfAborted()
      const forget = open.add(this, name)
      const call = run()
      this.#done = call.then(forget, async () => {
        // Not awaited: the caller gets the error now, and a hold that the clean-up cannot reach ends with its ttl.
        const cleaning = cleanUp()
        waitUntil?.(cleaning)
        await cleaning
        forget()
      })
      return await call
    } catch (error) {
      this.#emit?.({ type: "not-granted", ...this.efforts, reason: this.#reasonOf(error) })
      throw error
    }
  }

  /** Runs a wait, whose signal also aborts when the manager is closed. Created here, since most calls do not wait. */
  async waiting<T>(wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#waiting = anySignal([this.#bounds.signal])
    try {
      return await wait(this.#waiting.signal)
    } finally {
      this.#waiting.stop()
    }
  }

  /** Requests that were given up at a deadline and may yet be executed. */
  get unsettled(): readonly Unsettled[] {
    return [...this.#unsettled]
  }

  /** @throws `LockTimeoutError` when the wait is over or its requests are used up. */
  assertMayContinue(): void {
    if (this.leftMs <= 0) this.timeOut()
    this.assertRequestsLeft()
  }

  /** @throws `LockTimeoutError` when the requests of the wait are used up. */
  assertRequestsLeft(): void {
    if (this.requestsLeft <= 0) this.timeOut()
  }

  /** The call begins to wait. */
  emitQueued(place?: number): void {
    this.#wasQueued = true
    this.#emit?.({ type: "queued", name: this.#bounds.name, place })
  }

  /** The call was to be notified through a stream, and polls from now on. */
  emitPolling(reason: PollingReason): void {
    this.#emit?.({ type: "polling", name: this.#bounds.name, reason })
  }

  /** The call has ended with a grant. */
  emitGranted(fencingToken: number | undefined): void {
    this.#emit?.({ type: "granted", ...this.efforts, fencingToken })
  }

  /** For the event that ends the call. */
  get efforts(): { name: string; waitedMs: number; requests: number; wasQueued: boolean } {
    const { waitedMs, requests } = this
    return { name: this.#bounds.name, waitedMs, requests, wasQueued: this.#wasQueued }
  }

  #reasonOf(error: unknown): NotGrantedReason {
    const { signal, waitMs } = this.#bounds
    if (signal?.aborted && error === signal.reason) return "aborted"
    if (error instanceof LockTimeoutError) return waitMs > 0 ? "timeout" : "busy"
    if (error instanceof LockClosedError) return "closed"
    return "error"
  }

  /** Counts a request that is not sent here. */
  count(): void {
    this.#requests++
  }

  /**
   * Sends a request, and retries while it is unknown whether we have the lock, or the database refuses temporarily. A
   * request that is sent late, after a freeze, still has the time of one request.
   *
   * @param request receives its time limit
   * @param isQueued whether the call waits already: then it rides out an outage within its wait, for 30 s at most
   * @throws `LockBackendError` when it is refused or its outcome stays unknown, the signal's reason when that aborts.
   */
  async send<R extends Reply>(
    request: (timeoutMs: number) => Promise<R>,
    isQueued = false,
  ): Promise<R> {
    const { name, waitMs, maxRequests, timeoutMs } = this.#bounds
    const { signal } = this.#waiting ?? this.#bounds
    const outage = new Budget(LONGEST_OUTAGE_MS)
    let budget = new Budget(Math.max(0, this.leftMs) + timeoutMs)
    for (let failures = 1; ; failures++) {
      const ownBudget = new Budget(timeoutMs)
      try {
        const sent = this.#sendOnce(budget, request)
        this.#lastRequest = sent
        const reply = await (signal ? untilAborted(sent, signal) : sent)
        if (this.#closed) throw this.#closed
        return reply
      } catch (error) {
        if (!(error instanceof RedisError)) throw error
        // It outlasted its own deadline, so this process was frozen, and its reply may have been dropped.
        if (ownBudget.leftMs < -2 * SHORTEST_DEADLINE_MS) budget = new Budget(timeoutMs)
        const pause = backoffMs(failures)
        const ridesOut = waitMs > 0 && (isQueued || error.outcome === "refused")
        const isTooMany = ridesOut ? outage.leftMs <= 0 : failures >= MAX_TRIES
        const isLast = isTooMany || this.#requests >= maxRequests
        // A request without time left would only hide why the one before it failed.
        if (!error.isTransient || isLast || pause >= budget.leftMs) {
          throw new LockBackendError(name, "acquire", error)
        }
        await sleep(pause, signal)
      }
    }
  }

  /**
   * The token with which the lock or a place in its queue may be ours, or may become ours, although the call has failed.
   * Waits for a request that was in flight at an abort, so that the clean-up is sent after it.
   */
  async tokenToWithdraw(): Promise<string | undefined> {
    const reply = await this.#lastRequest?.catch(() => undefined)
    const { token } = this.#bounds
    if (reply?.kind === "granted") return reply.token ?? token
    return this.#mayHaveTaken || reply?.kind === "queued" ? token : undefined
  }

  async #sendOnce<R extends Reply>(
    budget: Budget,
    request: (timeoutMs: number) => Promise<R>,
  ): Promise<R> {
    const { ttlMs, timeoutMs } = this.#bounds
    this.#requests++
    try {
      const reply = await request(deadlineMs(Math.min(timeoutMs, ttlMs), budget.leftMs))
      if (reply.kind === "granted") for (const each of reply.unsettled ?? []) this.#track(each)
      if (reply.kind === "granted" && reply.validity.remainingMs <= 0) {
        throw new RedisError("the lock's ttl was over before the reply came", {
          outcome: "unknown",
        })
      }
      return reply
    } catch (error) {
      // Noted here and not by the caller, which no longer waits after an abort.
      if (error instanceof RedisError) {
        this.#mayHaveTaken ||= error.mayHaveBeenExecuted
        if (error.unsettled) this.#track({ settled: error.unsettled })
      }
      throw error
    }
  }

  #track(unsettled: Unsettled): void {
    this.#unsettled.add(unsettled)
    const forget = () => this.#unsettled.delete(unsettled)
    unsettled.settled.then(forget, forget)
  }

  /** @throws `LockTimeoutError` */
  timeOut(): never {
    const { name, open } = this.#bounds
    throw new LockTimeoutError(name, this.waitedMs, this.#requests, open.has(name))
  }
}

/** The request of an acquire call, with every default filled in. */
export interface AcquisitionRequest extends LockRequest, AttemptBounds {
  /** Whether to be notified of the grant through a stream. */
  readonly push: boolean
  /** The database on which to take the lock from its holder; undefined if the call does not steal. */
  readonly stealFrom: SingleDatabase | undefined
  /** The channel that the hold watches; undefined if it does not. */
  readonly channel: string | undefined
  /** A fixed time between two tries, without a queue. */
  readonly intervalMs: number | undefined
  readonly signal: AbortSignal | undefined
}
