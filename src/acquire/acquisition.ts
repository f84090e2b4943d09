// One acquire call: asks for the lock, waits for it if it may, and leaves nothing behind if it is not granted.
import { LockTimeoutError } from "../errors.js"
import type { Emit, PollingReason } from "../events.js"
import type { WaitUntil } from "../options.js"
import { retryUntilKnown } from "../redis/retry.js"
import type { Busy, Grant, LockStore } from "../redis/store.js"
import { type AcquisitionRequest, Attempts } from "./attempts.js"
import { QueueWait } from "./queue-wait.js"
import { spin } from "./spin.js"
import { steal } from "./steal.js"

/** A release that nobody waits for may take its time. So many for all of a call, but one at least after each late answer. */
const CLEAN_UP_TRIES = 5

/** A grant, and what it took to get it. */
export interface Acquired {
  readonly grant: Grant
  readonly waitedMs: number
  readonly requests: number
  /**
   * What was given up at a deadline may yet be executed, and take the lock or a place in its queue once more. Once the
   * hold has ended, this takes each of them back when its answer has come; one promise for each, none of which rejects.
   */
  readonly withdrawLate: () => readonly Promise<unknown>[]
}

/** The state of one call. It ends with a grant or with an error, and is not used again. */
export class Acquisition {
  readonly #store: LockStore
  readonly #request: AcquisitionRequest
  readonly #emit: Emit | undefined
  readonly #waitUntil: WaitUntil
  readonly #attempts: Attempts
  #queueWait: QueueWait | undefined

  /** @param waitUntil given the clean-up of a call that failed */
  constructor(
    store: LockStore,
    request: AcquisitionRequest,
    emit: Emit | undefined,
    waitUntil: WaitUntil,
  ) {
    this.#store = store
    this.#request = request
    this.#emit = emit
    this.#waitUntil = waitUntil
    this.#attempts = new Attempts(request)
  }

  /**
   * @throws `LockTimeoutError` when somebody else had the lock for all of the wait, `LockBackendError` when the
   *   database failed, the signal's reason when that aborted.
   */
  async run(): Promise<Acquired> {
    this.#request.signal?.throwIfAborted()
    try {
      const answer = await this.#try()
      const grant = answer.kind === "granted" ? answer : await this.#wait(answer)
      const { waitedMs, requests } = this.#attempts
      return { grant, waitedMs, requests, withdrawLate: () => this.#withdrawLate(grant) }
    } catch (error) {
      // Not awaited: the caller is told now, and what the clean-up cannot reach ends with its ttl.
      this.#waitUntil(this.#cleanUp())
      throw error
    }
  }

  #try(): Promise<Grant | Busy> {
    const { thief } = this.#request
    if (thief) return steal(thief, this.#request, this.#attempts)
    const { waitMs, intervalMs } = this.#request
    const willEnqueue = this.#store.queue && waitMs > 0 && intervalMs === undefined
    // An outcome that is not known may have been a grant.
    return this.#attempts.ask((timeoutMs, isRepeated) =>
      this.#store.tryAcquire(this.#request, timeoutMs, isRepeated || !willEnqueue),
    )
  }

  #wait(busy: Busy): Promise<Grant> {
    const { name, waitMs } = this.#request
    const { waitedMs, requests } = this.#attempts
    if (waitMs <= 0) throw new LockTimeoutError(name, waitedMs, requests)
    const onQueued = (place?: number) => {
      this.#emit?.({ type: "queued", name, place })
    }
    if (!this.#store.queue || this.#request.intervalMs !== undefined) {
      onQueued()
      return spin(this.#store, this.#request, this.#attempts, busy)
    }
    const onPolling = (reason: PollingReason) => {
      this.#emit?.({ type: "polling", name, reason })
    }
    const listeners = { onQueued, onPolling }
    this.#queueWait = new QueueWait(this.#store.queue, this.#request, this.#attempts, listeners)
    return this.#queueWait.run()
  }

  /** Sees to it that no attempt of a call that ended without a grant keeps the lock or its place. Never rejects. */
  async #cleanUp(): Promise<void> {
    const stray = await this.#attempts.strayToken()
    if (stray === undefined && !this.#queueWait?.waiter) return
    const token = stray ?? this.#request.token
    // A client that cannot be cancelled may send again until it gives up, so what is late is followed by one more.
    const { late } = this.#attempts
    const toCome = new Set(late)
    for (const settling of late) {
      const settled = () => toCome.delete(settling)
      settling.then(settled, settled)
    }
    for (let triesLeft = CLEAN_UP_TRIES; ;) {
      const before = toCome.size
      triesLeft -= await this.#withdraw(token, Math.max(1, triesLeft))
      if (before === 0) return
      // All that came meanwhile have one together, so that a database that is too slow is not sent the more.
      if (toCome.size === before) await Promise.race(toCome).catch(() => undefined)
    }
  }

  #withdrawLate({ token = this.#request.token }: Grant): readonly Promise<unknown>[] {
    const withdraw = () => this.#withdraw(token, 1)
    return this.#attempts.late.map((settling) => settling.then(withdraw, withdraw))
  }

  /** Returns how often it asked. */
  async #withdraw(token: string, tries: number): Promise<number> {
    const { timeoutMs } = this.#request
    const { queue } = this.#store
    const waiter = this.#queueWait?.waiter
    let asked = 0
    const withdraw = (): Promise<unknown> => {
      asked++
      return waiter && queue
        ? queue.leave(waiter, timeoutMs)
        : this.#store.release({ ...this.#request, token }, timeoutMs)
    }
    // The call has already failed and its caller knows; the key ends with its ttl, the place after 30 s.
    await retryUntilKnown(withdraw, { tries }).catch(() => undefined)
    return asked
  }
}
