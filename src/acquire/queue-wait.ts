// Waits in the queue of a lock: hears of the grant through a stream, and asks where it might have missed it.
import type { PollingReason } from "../events.js"
import type { Busy, Grant, LockQueue, Notice, Queued, Waiter } from "../redis/store.js"
import type { Subscription } from "../redis/transport.js"
import { MAX_TIMER_MS } from "../time/duration.js"
import { untilAborted } from "../time/timers.js"
import { elapsedMs, now, Validity } from "../time/validity.js"
import { createChannel } from "../values/token.js"
import type { AcquisitionRequest, Attempts } from "./attempts.js"
import { openStream } from "./open-stream.js"
import {
  listeningPauseMs,
  pollingPauseMs,
  type PollSchedule,
  pollScheduleFor,
  QueueSpeed,
} from "./poll-schedule.js"

/** Whom a wait tells how it goes. */
export interface WaitListeners {
  readonly onQueued: (place: number) => void
  /** It wanted to listen, and polls from here on. */
  readonly onPolling: (reason: PollingReason) => void
}

export class QueueWait {
  readonly #queue: LockQueue
  readonly #request: AcquisitionRequest
  readonly #attempts: Attempts
  readonly #listeners: WaitListeners
  readonly #inbox = new Inbox<Notice>()
  readonly #speed = new QueueSpeed()
  #stream: Subscription | undefined
  #waiter: Waiter | undefined
  #schedule: PollSchedule
  #ticket: string | undefined
  /** Our stream told that we were taken for dead. */
  #isTakenForDead = false

  constructor(
    queue: LockQueue,
    request: AcquisitionRequest,
    attempts: Attempts,
    listeners: WaitListeners,
  ) {
    this.#queue = queue
    this.#request = request
    this.#attempts = attempts
    this.#listeners = listeners
    this.#schedule = pollScheduleFor("poll", request.ttlMs)
  }

  /** Who may stand in the queue because of this wait. */
  get waiter(): Waiter | undefined {
    return this.#waiter
  }

  async run(): Promise<Grant> {
    this.#attempts.assertMayGoOn()
    const channel = this.#request.push ? await this.#listen() : undefined
    try {
      this.#waiter = { ...this.#request, channel, leaseMs: this.#schedule.leaseMs }
      let answer: Grant | Queued | Busy = await this.#enqueue(this.#waiter)
      if (answer.kind !== "granted") this.#listeners.onQueued(answer.place)
      while (answer.kind !== "granted") {
        answer =
          answer.kind === "queued"
            ? await this.#waitThenCheck(this.#waiter, answer)
            : await this.#reenter(this.#waiter)
      }
      return answer
    } finally {
      this.#stream?.close()
    }
  }

  /** Opens the stream before there is anything to miss; undefined where there is none to be had. */
  async #listen(): Promise<string | undefined> {
    // The place in the queue costs a request as well.
    if (!this.#queue.canListen || this.#attempts.requestsLeft < 2) return undefined
    const { ttlMs } = this.#request
    const channel = createChannel()
    const onNotice = (notice: Notice) => {
      this.#inbox.put(notice)
    }
    const open = (withinMs: number) => this.#queue.listen(channel, onNotice, withinMs)
    this.#stream = await openStream(this.#attempts, this.#request, open, (reason) => {
      this.#listeners.onPolling(reason)
    })
    if (!this.#stream) return undefined
    this.#schedule = pollScheduleFor(this.#queue.noticesEnd ? "stream" : "subscriber", ttlMs)
    return channel
  }

  #enqueue(waiter: Waiter): Promise<Grant | Queued> {
    return this.#attempts.ask(
      (timeoutMs) => this.#queue.enqueue(waiter, this.#ticket, timeoutMs),
      true,
    )
  }

  /** Takes its old place in the queue again, out of which it was taken by a grant that it has missed, or for dead. */
  #reenter(waiter: Waiter): Promise<Grant | Queued> {
    // A stream that has not told of a grant is not listened to for the next one, and whoever looks for the dead must not
    // count on it.
    if (!this.#isTakenForDead) this.#endStream()
    const next = this.#stream ? waiter : { ...waiter, channel: undefined }
    this.#waiter = next
    this.#attempts.assertMayGoOn()
    return this.#enqueue(next)
  }

  /** Waits until the grant is heard of, or until it is time to ask. */
  async #waitThenCheck(waiter: Waiter, queued: Queued): Promise<Grant | Queued | Busy> {
    this.#ticket = queued.ticket
    this.#speed.see(queued)
    const { ticket } = queued
    // Who listens may hear of its grant without asking.
    if (!this.#stream || this.#attempts.leftMs <= 0) this.#attempts.assertMayGoOn()
    const grant = await this.#hear(queued)
    if (grant) return grant
    // When the wait is over, this is the last look.
    this.#attempts.assertMayAsk()
    return this.#attempts.ask((timeoutMs) => this.#queue.check(waiter, ticket, timeoutMs), true)
  }

  /** The grant, if it is heard of before it is time to ask. */
  async #hear(queued: Queued): Promise<Grant | undefined> {
    const { repeats, msPerPlace } = this.#speed
    const startedAt = now()
    this.#isTakenForDead = false
    let known = queued
    for (;;) {
      const pause = this.#stream
        ? listeningPauseMs(known, this.#schedule, repeats)
        : pollingPauseMs(known, this.#schedule, repeats, msPerPlace)
      // Whatever is heard meanwhile, it has to show that it lives: by whichever clock says that more time has passed.
      const silence = this.#schedule.longestPauseMs - elapsedMs(startedAt)
      // One more, since a timer may fire a little early.
      const within = Math.min(pause, silence, this.#attempts.leftMs + 1)
      const notice = await this.#inbox.next(within, this.#request.signal)
      if (notice?.kind === "next") {
        this.#isTakenForDead = notice.leaseMs === 0
        known = { ...known, holderTtlMs: notice.leaseMs, isForeign: false, place: 0 }
      } else if (notice?.kind === "granted" && this.#isPlausible(notice)) {
        const { serverTime } = queued
        const { micros, leaseMs, fencingToken, receivedAt } = notice
        // Older than the answer that we do not hold the lock: it was over by then.
        if (micros < serverTime.micros) return undefined
        const validity = Validity.ofLease(serverTime, micros, leaseMs, receivedAt)
        // One that is over by now may have gone to somebody else.
        if (validity.remainingMs <= 0) return undefined
        return { kind: "granted", validity, fencingToken, isLease: leaseMs < this.#request.ttlMs }
      } else {
        if (notice) this.#endStream()
        return undefined
      }
    }
  }

  /**
   * Whether it is what a release of this library publishes for this waiter. Whoever may publish and knows the channel can
   * have sent it: a lease longer than asked for would be believed for so long, and a fencing token is not to be missed.
   */
  #isPlausible({ leaseMs, fencingToken }: Extract<Notice, { kind: "granted" }>): boolean {
    const isMinted = fencingToken !== undefined
    return leaseMs <= this.#schedule.leaseMs && isMinted === this.#request.fencing
  }

  #endStream(): void {
    if (!this.#stream) return
    this.#stream.close()
    this.#stream = undefined
    this.#listeners.onPolling("ended")
  }
}

export class Inbox<T> {
  readonly #items: T[] = []
  #wake: (() => void) | undefined

  put(item: T): void {
    this.#items.push(item)
    this.#wake?.()
  }

  /** The next item, or undefined when none came in so many milliseconds. Rejects with the signal's reason. */
  async next(withinMs: number, signal: AbortSignal | undefined): Promise<T | undefined> {
    signal?.throwIfAborted()
    if (this.#items.length === 0) await this.#arrival(withinMs, signal)
    return this.#items.shift()
  }

  async #arrival(withinMs: number, signal: AbortSignal | undefined): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, Math.min(Math.max(0, withinMs), MAX_TIMER_MS))
    })
    try {
      await untilAborted(woken, signal)
    } finally {
      clearTimeout(timer)
    }
  }
}
