// Waits in the queue of a lock: receives the grant through a stream, and checks where it might have missed it.
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

export class QueueWait {
  readonly #queue: LockQueue
  readonly #request: AcquisitionRequest
  readonly #attempts: Attempts
  readonly #inbox = new Inbox<Notice>()
  readonly #speed = new QueueSpeed()
  #stream: Subscription | undefined
  #waiter: Waiter | undefined
  #schedule: PollSchedule
  #ticket: string | undefined
  /** A message said that we were removed from the queue as dead. */
  #isTakenForDead = false

  constructor(queue: LockQueue, request: AcquisitionRequest, attempts: Attempts) {
    this.#queue = queue
    this.#request = request
    this.#attempts = attempts
    this.#schedule = pollScheduleFor("poll", request.ttlMs)
  }

  /** The waiter that this wait may have put into the queue. */
  get waiter(): Waiter | undefined {
    return this.#waiter
  }

  async run(): Promise<Grant> {
    this.#attempts.assertMayContinue()
    const channel = this.#request.push ? await this.#listen() : undefined
    try {
      this.#waiter = { ...this.#request, channel, leaseMs: this.#schedule.leaseMs }
      let reply: Grant | Queued | Busy = await this.#enqueue(this.#waiter)
      if (reply.kind !== "granted") this.#attempts.emitQueued(reply.place)
      while (reply.kind !== "granted") {
        reply =
          reply.kind === "queued"
            ? await this.#waitThenCheck(this.#waiter, reply)
            : await this.#reenter(this.#waiter)
      }
      return this.#keepStream(reply)
    } finally {
      this.#stream?.close()
    }
  }

  /** A hold with `watch` keeps the stream of its wait. */
  #keepStream(grant: Grant): Grant {
    const stream = this.#stream
    if (!stream || this.#request.channel === undefined) return grant
    this.#stream = undefined
    const forward = (onNotice: (notice: Notice) => void) => {
      this.#inbox.forward(onNotice)
    }
    const close = () => {
      stream.close()
    }
    return { ...grant, stream: { close, forward } }
  }

  /** Opens the stream before the wait enters the queue; undefined if it could not be opened. */
  async #listen(): Promise<string | undefined> {
    // Entering the queue costs a request, too.
    if (!this.#queue.canListen || this.#attempts.requestsLeft < 2) return undefined
    const { ttlMs } = this.#request
    const channel = this.#request.channel ?? createChannel()
    const onNotice = (notice: Notice) => {
      this.#inbox.put(notice)
    }
    const open = (withinMs: number) => this.#queue.listen(channel, onNotice, withinMs)
    this.#stream = await openStream(this.#attempts, this.#request, open, (reason) => {
      this.#attempts.emitPolling(reason)
    })
    if (!this.#stream) return undefined
    this.#schedule = pollScheduleFor(this.#queue.noticesEnd ? "stream" : "subscriber", ttlMs)
    return channel
  }

  #enqueue(waiter: Waiter): Promise<Grant | Queued> {
    return this.#attempts.send(
      (timeoutMs) => this.#queue.enqueue(waiter, this.#ticket, timeoutMs),
      true,
    )
  }

  /** Enters the queue again at its old place, from which it was removed by a grant that it has missed, or as dead. */
  #reenter(waiter: Waiter): Promise<Grant | Queued> {
    // A stream that missed one grant is not trusted with the next one, and must not count as a sign of life either.
    if (!this.#isTakenForDead) this.#endStream()
    const next = this.#stream ? waiter : { ...waiter, channel: undefined }
    this.#waiter = next
    this.#attempts.assertMayContinue()
    return this.#enqueue(next)
  }

  /** Waits until the grant arrives, or until it is time to check. */
  async #waitThenCheck(waiter: Waiter, queued: Queued): Promise<Grant | Queued | Busy> {
    this.#ticket = queued.ticket
    this.#speed.add(queued)
    const { ticket } = queued
    // A waiter with a stream may receive its grant without a request.
    if (!this.#stream || this.#attempts.leftMs <= 0) this.#attempts.assertMayContinue()
    const grant = await this.#receiveGrant(queued)
    if (grant) return grant
    // If the wait is over, this is the last check.
    this.#attempts.assertRequestsLeft()
    return this.#attempts.send((timeoutMs) => this.#queue.check(waiter, ticket, timeoutMs), true)
  }

  /** The grant, if it arrives before it is time to check. */
  async #receiveGrant(queued: Queued): Promise<Grant | undefined> {
    const { repeats, msPerPlace } = this.#speed
    const startedAt = now()
    this.#isTakenForDead = false
    let known = queued
    for (;;) {
      const pause = this.#stream
        ? listeningPauseMs(known, this.#schedule, repeats)
        : pollingPauseMs(known, this.#schedule, repeats, msPerPlace)
      // Whatever messages arrive, it has to send a heartbeat: by the clock on which more time has passed.
      const heartbeat = this.#schedule.longestPauseMs - elapsedMs(startedAt)
      // One more, since a timer may fire a little early.
      const within = Math.min(pause, heartbeat, this.#attempts.leftMs + 1)
      const notice = await this.#inbox.next(within, this.#request.signal)
      if (notice?.kind === "next") {
        this.#isTakenForDead = notice.leaseMs === 0
        known = { ...known, holderTtlMs: notice.leaseMs, isForeign: false, place: 0 }
      } else if (notice?.kind === "granted" && this.#isPlausible(notice)) {
        const { serverTime } = queued
        const { micros, leaseMs, fencingToken, receivedAt } = notice
        // Older than the reply that we do not hold the lock: it was over by then.
        if (micros < serverTime.micros) return undefined
        const validity = Validity.ofLease(serverTime, micros, leaseMs, receivedAt)
        // If it is over by now, the lock may have gone to another waiter.
        if (validity.remainingMs <= 0) return undefined
        return { kind: "granted", validity, fencingToken, isLease: leaseMs < this.#request.ttlMs }
      } else {
        // The message belongs to a hold whose grant was missed: the check finds out.
        if (notice && notice.kind !== "stolen") this.#endStream()
        return undefined
      }
    }
  }

  /**
   * Whether a release of this library can have published it for this waiter. Anyone who may publish and knows the channel
   * could have sent it: an excessive lease would be believed, and a fencing token that was asked for must not be missing.
   */
  #isPlausible({ leaseMs, fencingToken }: Extract<Notice, { kind: "granted" }>): boolean {
    const isMinted = fencingToken !== undefined
    return leaseMs <= this.#schedule.leaseMs && isMinted === this.#request.fencing
  }

  #endStream(): void {
    if (!this.#stream) return
    this.#stream.close()
    this.#stream = undefined
    this.#attempts.emitPolling("ended")
  }
}

export class Inbox<T> {
  readonly #items: T[] = []
  #wake: (() => void) | undefined

  put(item: T): void {
    this.#items.push(item)
    this.#wake?.()
  }

  /** Hands over the items that nobody has taken, and all later ones. */
  forward(onItem: (item: T) => void): void {
    this.put = onItem
    for (const item of this.#items.splice(0)) onItem(item)
  }

  /** The next item, or undefined if none came within `withinMs`. Rejects with the signal's reason. */
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
