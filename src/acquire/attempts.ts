// The questions of one acquire call: counted, timed, asked again while their outcome is unknown, and accounted for.
import { LockBackendError, LockTimeoutError } from "../errors.js"
import { RedisError } from "../redis/redis-error.js"
import { MAX_TRIES } from "../redis/retry.js"
import type {
  Busy,
  Claim,
  Grant,
  Held,
  Queued,
  SingleDatabase,
  TakeRequest,
} from "../redis/store.js"
import { backoffMs } from "../time/backoff.js"
import { Budget, deadlineMs, SHORTEST_DEADLINE_MS } from "../time/validity.js"
import { sleep, untilAborted } from "../time/timers.js"

/** The bounds of one acquire call. */
export interface AttemptBounds extends Claim {
  readonly ttlMs: number
  /** The longest time to wait; 0 asks once. */
  readonly waitMs: number
  readonly maxRequests: number
  /** The longest that one request may take. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** Something else that is certain. */
interface Told {
  readonly kind: "told"
}

/**
 * For so long a waiter that is in line puts up with a database that fails: a waiter that has shown no sign of life for
 * 30 s has lost its place anyway (shared/serve.lua).
 */
const LONGEST_OUTAGE_MS = 30_000

type Answer = Grant | Queued | Busy | Held | Told

export class Attempts {
  readonly #bounds: AttemptBounds
  readonly #wait: Budget
  #requests = 0
  /** What was asked last; on an abort it may be under way. */
  #asking: Promise<Answer> | undefined
  #mayHaveTaken = false
  readonly #late = new Set<Promise<unknown>>()

  constructor(bounds: AttemptBounds) {
    this.#bounds = bounds
    this.#wait = new Budget(bounds.waitMs)
  }

  get requests(): number {
    return this.#requests
  }

  get waitedMs(): number {
    return this.#wait.usedMs
  }

  /** What is left of the wait; negative after a freeze. */
  get leftMs(): number {
    return this.#wait.leftMs
  }

  /** What is left of the budget of requests. */
  get requestsLeft(): number {
    return this.#bounds.maxRequests - this.#requests
  }

  /** Answers that were given up at a deadline and may yet come. */
  get late(): readonly Promise<unknown>[] {
    return [...this.#late]
  }

  /** @throws `LockTimeoutError` when the wait is over or its requests are used up. */
  assertMayGoOn(): void {
    if (this.leftMs <= 0) this.#timeOut()
    this.assertMayAsk()
  }

  /** @throws `LockTimeoutError` when the requests of the wait are used up. */
  assertMayAsk(): void {
    if (this.requestsLeft <= 0) this.#timeOut()
  }

  /** Counts a request that is not asked here. */
  count(): void {
    this.#requests++
  }

  /**
   * Asks, and while it stays unknown whether we have the lock, or the database refuses for a reason that passes, asks
   * again. A question that comes late, after a freeze, has the time of one request all the same.
   *
   * @param question is told how long it may take, and whether an earlier outcome was unknown
   * @param isInLine whether the call waits already: then it rides out an outage within its wait, for 30 s at most
   * @throws `LockBackendError` when it is refused or stays unknown, the signal's reason when that aborts.
   */
  async ask<A extends Answer>(
    question: (timeoutMs: number, isRepeated: boolean) => Promise<A>,
    isInLine = false,
  ): Promise<A> {
    const { signal, name, waitMs, maxRequests, timeoutMs } = this.#bounds
    const outage = new Budget(LONGEST_OUTAGE_MS)
    let budget = new Budget(Math.max(0, this.leftMs) + timeoutMs)
    for (let failures = 1; ; failures++) {
      const request = new Budget(timeoutMs)
      try {
        const asking = this.#askOnce(budget, (withinMs) => question(withinMs, failures > 1))
        this.#asking = asking
        return await (signal ? untilAborted(asking, signal) : asking)
      } catch (error) {
        if (!(error instanceof RedisError)) throw error
        // It outlasted its own deadline, so this process was frozen: the answer may have come to nobody.
        if (request.leftMs < -2 * SHORTEST_DEADLINE_MS) budget = new Budget(timeoutMs)
        const pause = backoffMs(failures)
        const ridesOut = waitMs > 0 && (isInLine || error.outcome === "refused")
        const isTooMany = ridesOut ? outage.leftMs <= 0 : failures >= MAX_TRIES
        const isLast = isTooMany || this.#requests >= maxRequests
        // A question that has no time left would only hide why the one before it failed.
        if (!error.mayPass || isLast || pause >= budget.leftMs) {
          throw new LockBackendError(name, "acquire", error)
        }
        await sleep(pause, signal)
      }
    }
  }

  /**
   * The token with which the lock may be ours, or may become ours, without the caller's being told. Waits for what
   * was under way at an abort, so that what is sent next comes after it.
   */
  async strayToken(): Promise<string | undefined> {
    const answer = await this.#asking?.catch(() => undefined)
    const { token } = this.#bounds
    if (answer?.kind === "granted") return answer.token ?? token
    const mayBeOurs = answer?.kind === "busy" && answer.mayBeOurs
    return this.#mayHaveTaken || mayBeOurs ? token : undefined
  }

  async #askOnce<A extends Answer>(
    budget: Budget,
    question: (timeoutMs: number) => Promise<A>,
  ): Promise<A> {
    const { ttlMs, timeoutMs } = this.#bounds
    this.#requests++
    try {
      const answer = await question(deadlineMs(Math.min(timeoutMs, ttlMs), budget.leftMs))
      if (answer.kind === "granted") for (const late of answer.underWay ?? []) this.#expect(late)
      if (answer.kind === "granted" && answer.validity.remainingMs <= 0) {
        throw new RedisError("the lock's ttl was over before the answer came", {
          outcome: "unknown",
        })
      }
      return answer
    } catch (error) {
      // Noted here and not by who waits: after an abort nobody does.
      if (error instanceof RedisError) {
        this.#mayHaveTaken ||= error.mayHaveBeenExecuted
        if (error.late) this.#expect(error.late)
      }
      throw error
    }
  }

  #expect(late: Promise<unknown>): void {
    this.#late.add(late)
    const forget = () => this.#late.delete(late)
    late.then(forget, forget)
  }

  #timeOut(): never {
    throw new LockTimeoutError(this.#bounds.name, this.waitedMs, this.#requests)
  }
}

/** What an acquire call asks for, with every default filled in. */
export interface AcquisitionRequest extends TakeRequest, AttemptBounds {
  /** Whether to hear of the grant through a stream. */
  readonly push: boolean
  /** What takes the lock from whoever has it, if that is asked for. */
  readonly thief: SingleDatabase | undefined
  /** A fixed time between two tries, without a queue. */
  readonly intervalMs: number | undefined
  readonly signal: AbortSignal | undefined
}
