// One acquire call: tries to take the lock, waits for it if allowed, and leaves nothing behind if it is not granted.
import type { Emit } from "../events.js"
import { retryUntilKnown } from "../redis/retry.js"
import type { Grant, LockQueue, LockStore, Waiter } from "../redis/store.js"
import { type AcquisitionRequest, Attempts } from "./attempts.js"
import { QueueWait } from "./queue-wait.js"
import { spin } from "./spin.js"
import { steal } from "./steal.js"

/** The clean-up is not waited for, so it may take long: at most this many tries, but at least one after each late reply. */
const CLEAN_UP_TRIES = 5

/** A grant, and what its requests may have left behind. */
export interface Acquired {
  readonly grant: Grant
  /**
   * Requests that were given up at a deadline may yet be executed, and take the lock or a place in its queue again. To be
   * called before the release is sent, since they may be executed after it although their replies come before its own. The
   * result, called once the hold has ended, undoes each of them when its reply has come. One promise for each; none rejects.
   */
  readonly noteUnsettled: () => () => readonly Promise<unknown>[]
}

/** The state of one call. It ends with a grant or with an error, and is not used again. */
export class Acquisition {
  readonly #store: LockStore
  readonly #request: AcquisitionRequest
  readonly #attempts: Attempts
  #waiter: Waiter | undefined
  #queueWait: QueueWait | undefined

  constructor(store: LockStore, request: AcquisitionRequest, emit: Emit | undefined) {
    this.#store = store
    this.#request = request
    this.#attempts = new Attempts(request, emit)
  }

  /**
   * Ends in one event, `granted` or `not-granted`; what happens later to its requests is cleaned up in silence.
   *
   * @throws `LockTimeoutError` when the lock was held by others for all of the wait, `LockBackendError` when the
   *   database failed, the signal's reason when that aborted.
   */
  run(): Promise<Acquired> {
    return this.#attempts.track(
      () => this.#acquire(),
      () => this.#cleanUp(),
    )
  }

  async #acquire(): Promise<Acquired> {
    const grant = await this.#takeOrWait()
    this.#attempts.emitGranted(grant.fencingToken)
    return { grant, noteUnsettled: () => this.#noteUnsettled(grant) }
  }

  async #takeOrWait(): Promise<Grant> {
    const { stealFrom, waitMs, intervalMs } = this.#request
    if (stealFrom) return steal(stealFrom, this.#request, this.#attempts)
    const { queue } = this.#store
    if (queue && waitMs > 0 && !intervalMs) return this.#takeOrEnter(queue)
    const reply = await this.#attempts.send((timeoutMs) =>
      this.#store.tryAcquire(this.#request, timeoutMs),
    )
    if (reply.kind === "granted") return reply
    if (waitMs <= 0) this.#attempts.timeOut()
    this.#attempts.emitQueued()
    return this.#attempts.waiting((signal) =>
      spin(this.#store, { ...this.#request, signal }, this.#attempts, reply),
    )
  }

  /** The first request takes the place in the queue, so callers are served in the order of asking. */
  async #takeOrEnter(queue: LockQueue): Promise<Grant> {
    const { push, channel } = this.#request
    const waiter = (this.#waiter = queue.waiter(this.#request, push, channel))
    const wasListening = queue.isListening
    const first = this.#attempts.send((timeoutMs) => queue.enqueue(waiter, undefined, timeoutMs))
    // Through an open stream, a message may come before the reply.
    if (!wasListening) {
      const reply = await first
      if (reply.kind === "granted") return reply
    }
    this.#queueWait = new QueueWait(queue, waiter, this.#request, this.#attempts)
    return this.#queueWait.run(first, wasListening)
  }

  /** Makes sure that no attempt of a call without a grant keeps the lock or its place. Never rejects. */
  async #cleanUp(): Promise<void> {
    const stray = await this.#attempts.tokenToWithdraw()
    if (stray === undefined && !this.#queueWait?.isQueued) return
    const token = stray ?? this.#request.token
    // A client that cannot be canceled may retry until it gives up, so each late reply is followed by one more withdrawal.
    const unsettled = new Set(this.#attempts.unsettled.map(({ settled }) => settled))
    for (const request of unsettled) {
      const settled = () => unsettled.delete(request)
      request.then(settled, settled)
    }
    for (let triesLeft = CLEAN_UP_TRIES; ;) {
      const before = unsettled.size
      triesLeft -= await this.#withdraw(token, Math.max(1, triesLeft))
      if (before === 0) return
      // Replies that came meanwhile share one withdrawal, so that a database that is too slow does not get more requests.
      if (unsettled.size === before) await Promise.race(unsettled).catch(() => undefined)
    }
  }

  #noteUnsettled({ token = this.#request.token }: Grant): () => readonly Promise<unknown>[] {
    const { unsettled } = this.#attempts
    const withdraw = () => this.#withdraw(token, 1)
    return () => unsettled.map(({ settled, undo = withdraw }) => settled.then(undo, undo))
  }

  /** Returns the number of requests that it sent. */
  async #withdraw(token: string, tries: number): Promise<number> {
    const { timeoutMs } = this.#request
    const { queue } = this.#store
    const waiter = this.#waiter
    let requests = 0
    const withdraw = (): Promise<unknown> => {
      requests++
      return waiter && queue
        ? queue.leave(waiter, timeoutMs)
        : this.#store.release({ ...this.#request, token }, timeoutMs)
    }
    // The caller already has the error of the call; the key ends with its ttl, the place after 30 s.
    await retryUntilKnown(withdraw, { tries }).catch(() => undefined)
    return requests
  }
}
