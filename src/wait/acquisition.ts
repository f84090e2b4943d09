// One acquire call: asks with one token until the lock is granted, and leaves nothing behind if it is not.
import { LockBackendError, LockTimeoutError } from "../errors.js"
import type { Emit } from "../events.js"
import { RestError } from "../rest/rest-error.js"
import { sleep, untilAborted } from "../sleep.js"
import type { Busy, Grant, LockStore, TakeRequest } from "../store/store.js"
import { elapsedMs, now } from "../validity.js"
import { askUntilKnown, MAX_TRIES } from "./ask-until-known.js"
import { backoffMs } from "./backoff.js"

/** A release that nobody waits for may take its time. */
const CLEAN_UP_TRIES = 5

/** What an acquire call asks for, with every default filled in. */
export interface AcquisitionRequest extends TakeRequest {
  /** The longest time to wait; 0 asks once. */
  readonly waitMs: number
  readonly signal: AbortSignal | undefined
  /** A fixed time between two tries; undefined means that the holder's ttl and a backoff decide. */
  readonly intervalMs: number | undefined
  readonly maxRequests: number
  /** The longest that one request may take. */
  readonly timeoutMs: number
}

/** A grant, and what it took to get it. */
export interface Acquired {
  readonly grant: Grant
  readonly waitedMs: number
  readonly requests: number
}

/** The state of one call. It ends with a grant or with an error, and is not used again. */
export class Acquisition {
  readonly #store: LockStore
  readonly #request: AcquisitionRequest
  readonly #emit: Emit
  readonly #startedAt = now()
  #requests = 0
  /** What was asked last; on an abort it may be under way. */
  #asking: Promise<Grant | Busy> | undefined
  /** Whether some attempt may have taken the lock, or may still do so, without our having been told. */
  #unknown = false
  /** Answers that were given up at a deadline and may yet come. */
  readonly #late = new Set<Promise<unknown>>()

  constructor(store: LockStore, request: AcquisitionRequest, emit: Emit) {
    this.#store = store
    this.#request = request
    this.#emit = emit
  }

  /**
   * @throws `LockTimeoutError` when somebody else had the lock for all of the wait, `LockBackendError` when the
   *   database failed, the signal's reason when that aborted.
   */
  async run(): Promise<Acquired> {
    this.#request.signal?.throwIfAborted()
    try {
      const grant = await this.#askUntilGranted()
      return { grant, waitedMs: this.#waitedMs, requests: this.#requests }
    } catch (error) {
      // Not awaited: the caller is told now, and what the clean-up cannot reach ends with its ttl.
      void this.#cleanUp()
      throw error
    }
  }

  async #askUntilGranted(): Promise<Grant> {
    const { name, signal } = this.#request
    for (let refusals = 0; ; refusals++) {
      const outcome = await this.#askUntilAnswered()
      if (outcome.kind === "granted") return outcome
      if (refusals === 0 && this.#request.waitMs > 0) this.#emit({ type: "queued", name })
      const isOutOfBudget = this.#requests >= this.#request.maxRequests
      if (isOutOfBudget || (this.#isOver && isCertain(outcome))) {
        throw new LockTimeoutError(name, this.#waitedMs, this.#requests)
      }
      const left = this.#request.waitMs - this.#waitedMs
      if (left > 0) await sleep(Math.min(left, this.#pauseMs(outcome, refusals + 1)), signal)
    }
  }

  /** Asks, and while it stays unknown whether we have the lock, asks again. */
  async #askUntilAnswered(): Promise<Grant | Busy> {
    for (let failures = 1; ; failures++) {
      try {
        this.#asking = this.#ask()
        return await untilAborted(this.#asking, this.#request.signal)
      } catch (error) {
        if (!(error instanceof RestError)) throw error
        const pause = backoffMs(failures)
        const isLast = failures >= MAX_TRIES || this.#requests >= this.#request.maxRequests
        // A question that has no time left would only hide why the one before it failed.
        if (error.outcome === "refused" || isLast || pause >= this.#budgetMs) {
          throw new LockBackendError(this.#request.name, "acquire", error)
        }
        await sleep(pause, this.#request.signal)
      }
    }
  }

  async #ask(): Promise<Grant | Busy> {
    try {
      const first = await this.#send()
      // Through such a client it is likely enough not to wait for the next look.
      const mustConfirm = !isCertain(first) && this.#store.mayResend
      const answer = mustConfirm ? await this.#send() : first
      if (answer.kind === "granted" && answer.validity.remainingMs <= 0) {
        throw new RestError("the lock's ttl was over before the answer came", {
          outcome: "unknown",
        })
      }
      return answer
    } catch (error) {
      // Noted here and not by who waits: after an abort nobody does.
      if (error instanceof RestError) {
        this.#unknown ||= mayHaveBeenExecuted(error)
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

  #send(): Promise<Grant | Busy> {
    const { ttlMs, timeoutMs } = this.#request
    const timeout = Math.min(timeoutMs, ttlMs, Math.max(1, this.#budgetMs))
    // The last look has to be certain.
    const isLast =
      this.#requests + 1 >= this.#request.maxRequests || (this.#requests > 0 && this.#isOver)
    const cheap = !isLast && (this.#requests === 0 || this.#isSpinning())
    this.#requests++
    return cheap
      ? this.#store.take(this.#request, timeout)
      : this.#store.retake(this.#request, timeout)
  }

  /** A plain spin lock needs to know neither the holder's ttl nor itself. */
  #isSpinning(): boolean {
    return this.#request.intervalMs !== undefined && !this.#unknown && !this.#store.mayResend
  }

  #pauseMs(busy: Busy, refusals: number): number {
    if (this.#request.intervalMs !== undefined) return this.#request.intervalMs
    // One more than the holder has left: its key goes when that time has passed.
    return Math.min((busy.holderTtlMs ?? Infinity) + 1, backoffMs(refusals))
  }

  get #waitedMs(): number {
    return elapsedMs(this.#startedAt)
  }

  get #isOver(): boolean {
    return this.#waitedMs >= this.#request.waitMs
  }

  /** What is left of the time that the whole call may take. */
  get #budgetMs(): number {
    return this.#request.waitMs + this.#request.timeoutMs - this.#waitedMs
  }

  /** Sees to it that no attempt of a call that ended without a grant keeps the lock. Never rejects. */
  async #cleanUp(): Promise<void> {
    // What was under way at an abort is waited for, so that the release comes after it.
    const answer = await this.#asking?.catch(() => undefined)
    const isRefused = answer === undefined || (answer.kind === "busy" && isCertain(answer))
    if (isRefused && !this.#unknown) return
    // A client that cannot be cancelled may send again until it gives up, so after that there is one more.
    const late = [...this.#late]
    await this.#release()
    await Promise.allSettled(late.map((settling) => settling.finally(() => this.#release())))
  }

  async #release(): Promise<void> {
    const { timeoutMs } = this.#request
    try {
      await askUntilKnown(() => this.#store.release(this.#request, timeoutMs), {
        tries: CLEAN_UP_TRIES,
      })
    } catch {
      // The call has already failed and its caller knows; the key ends with its ttl.
    }
  }
}

/**
 * Whether the answer is about who has the lock. "Busy" from a plain `SET NX` is not: a client sends it again when its
 * answer was lost, and so does a runtime's fetch on a connection that had gone stale; then the holder may be us.
 */
function isCertain(answer: Grant | Busy): boolean {
  return answer.kind === "granted" || answer.holderTtlMs !== undefined
}

/** Whoever was not let in has done nothing; of any other failure one cannot tell. */
function mayHaveBeenExecuted(error: RestError): boolean {
  return !(error.outcome === "refused" && (error.status === 401 || error.status === 403))
}
