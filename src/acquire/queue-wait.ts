// Waits in the queue of a lock: receives the grant through a stream, and checks where it might have missed it.
import { RedisError } from "../redis/redis-error.js"
import type {
  Busy,
  Grant,
  HeldStream,
  LockQueue,
  Mailbox,
  Notice,
  Queued,
  Waiter,
} from "../redis/store.js"
import { MAX_TIMER_MS } from "../time/duration.js"
import { untilAborted } from "../time/timers.js"
import { deadlineMs, elapsedMs, type Instant, now, Validity } from "../time/validity.js"
import type { AcquisitionRequest, Attempts } from "./attempts.js"
import {
  listeningPauseMs,
  pollingPauseMs,
  type PollSchedule,
  pollScheduleFor,
  QueueSpeed,
} from "./poll-schedule.js"

/** A message, or the reply to a look. */
type Arrival =
  | Notice
  | {
      readonly kind: "looked"
      /** The waiter's latest facts when the look was sent. */
      readonly before: Queued
      /** How long the holder has left; undefined if the lock may have been granted to us before the stream was open. */
      readonly holderTtlMs: number | undefined
    }

/** A stream that opens later does not delay the first check. */
const PATIENCE_MS = 1_000
/** A stream that ends sooner is not opened again. */
const SHORT_LIVED_MS = 1_000

export class QueueWait {
  readonly #queue: LockQueue
  readonly #request: AcquisitionRequest
  readonly #attempts: Attempts
  readonly #inbox = new Inbox<Arrival>()
  readonly #speed = new QueueSpeed()
  readonly #mailbox: Mailbox | undefined
  readonly #schedule: PollSchedule
  readonly #waiter: Waiter
  #stream: "closed" | "opening" | "open" = "closed"
  /** Since when the stream is opening, or open; undefined if it was open before. */
  #streamSince: Instant | undefined
  #isReopened = false
  #ticket: string | undefined
  /** During the last pause, a message said that we were removed from the queue as dead. */
  #isTakenForDead: boolean | undefined

  constructor(queue: LockQueue, waiter: Waiter, request: AcquisitionRequest, attempts: Attempts) {
    this.#queue = queue
    this.#waiter = waiter
    this.#request = request
    this.#attempts = attempts
    this.#schedule = pollScheduleFor(queue.hearingAt(waiter.address), waiter.ttlMs)
    if (waiter.address === undefined) return
    this.#mailbox = queue.mailbox(waiter.address, (notice) => {
      this.#inbox.put(notice)
    })
    if (this.#mailbox.isOpen) this.#stream = "open"
  }

  /** Whether it was in the queue. */
  get isQueued(): boolean {
    return this.#ticket !== undefined
  }

  /**
   * @param first the reply to the request that takes the lock or a place in its queue
   * @param wasListening whether the stream was open before that request was sent
   */
  async run(first: Promise<Grant | Queued>, wasListening: boolean): Promise<Grant> {
    let isKept = false
    try {
      const reply = await first
      if (reply.kind === "granted") return reply
      this.#attempts.emitQueued(reply.place)
      if (this.#stream === "closed") this.#openStream()
      // Another waiter opened it meanwhile: a message that came before we joined is lost.
      else if (!wasListening) this.#look(reply)
      const grant = await this.#attempts.waiting((signal) => this.#wait(reply, signal))
      // A hold with `watch` keeps the stream of its wait.
      isKept = this.#stream !== "closed" && this.#request.channel !== undefined
      return isKept ? { ...grant, stream: this.#heldStream() } : grant
    } finally {
      if (!isKept) this.#mailbox?.close()
    }
  }

  async #wait(first: Queued, signal: AbortSignal): Promise<Grant> {
    let reply: Grant | Queued | Busy = first
    while (reply.kind !== "granted") {
      reply =
        reply.kind === "queued" ? await this.#waitThenCheck(reply, signal) : await this.#reenter()
    }
    return reply
  }

  #heldStream(): HeldStream {
    const close = () => {
      this.#mailbox?.close()
    }
    const forward = (onNotice: (notice: Notice) => void) => {
      this.#inbox.forward((arrival) => {
        if (arrival.kind !== "looked") onNotice(arrival)
      })
    }
    return { close, forward }
  }

  /** Opens the stream beside the wait, which has its place already. False if it cannot have one. */
  #openStream(): boolean {
    const mailbox = this.#mailbox
    // A grant from before it was open is found by one look, which is a request, too.
    if (!mailbox || this.#attempts.requestsLeft < 2) return false
    this.#stream = "opening"
    this.#streamSince = now()
    const withinMs = deadlineMs(this.#request.timeoutMs, this.#attempts.leftMs / 2)
    const onRequest = () => {
      this.#attempts.count()
    }
    mailbox.open(withinMs, onRequest).then(
      () => {
        this.#inbox.put({ kind: "opened" })
      },
      (error: unknown) => {
        this.#inbox.put({ kind: "end", error })
      },
    )
    return true
  }

  /** Asks whether the lock was granted to us before the stream was open; does not delay a message. */
  #look(before: Queued): void {
    if (this.#attempts.requestsLeft < 1) return
    this.#attempts.count()
    const looked = (holderTtlMs: number | undefined) => {
      this.#inbox.put({ kind: "looked", before, holderTtlMs })
    }
    this.#queue
      .look(this.#waiter, deadlineMs(this.#request.timeoutMs, this.#attempts.leftMs))
      // If it fails, a check finds out.
      .then(looked, () => {
        looked(undefined)
      })
  }

  /** Enters the queue again at its old place, from which it was removed by a grant that it has missed, or as dead. */
  #reenter(): Promise<Grant | Queued> {
    // A stream that missed one grant is not trusted with the next one. The entry stays as it is: a late copy of an earlier
    // request must not add a second one.
    if (!this.#isTakenForDead && this.#stream === "open") {
      this.#mailbox?.distrust()
      this.#stream = "closed"
    }
    this.#attempts.assertMayContinue()
    return this.#attempts.send(
      (timeoutMs) => this.#queue.enqueue(this.#waiter, this.#ticket, timeoutMs),
      true,
    )
  }

  /** Waits until the grant arrives, or until it is time to check. */
  async #waitThenCheck(queued: Queued, signal: AbortSignal): Promise<Grant | Queued | Busy> {
    this.#ticket = queued.ticket
    this.#speed.add(queued)
    const { ticket } = queued
    // A waiter with a stream may receive its grant without a request.
    if (this.#stream === "closed" || this.#attempts.leftMs <= 0) this.#attempts.assertMayContinue()
    const grant = await this.#receiveGrant(queued, signal)
    if (grant) return grant
    // If the wait is over, this is the last check.
    this.#attempts.assertRequestsLeft()
    return this.#attempts.send(
      (timeoutMs) => this.#queue.check(this.#waiter, ticket, timeoutMs),
      true,
    )
  }

  /** The grant, if it arrives before it is time to check. */
  async #receiveGrant(queued: Queued, signal: AbortSignal): Promise<Grant | undefined> {
    const startedAt = now()
    this.#isTakenForDead = false
    let known = queued
    let knownSince = startedAt
    for (;;) {
      const patienceMs = this.#stream === "opening" ? PATIENCE_MS - this.#streamAgeMs : Infinity
      const pause = this.#pauseMs(known, patienceMs > 0) - elapsedMs(knownSince)
      // Whatever messages arrive, it has to send a heartbeat: by the clock on which more time has passed.
      const heartbeat = this.#schedule.longestPauseMs - elapsedMs(startedAt)
      // One more, since a timer may fire a little early.
      const within = Math.min(pause, heartbeat, this.#attempts.leftMs + 1)
      const isPatient = patienceMs > 0 && patienceMs < within
      const arrival = await this.#inbox.next(isPatient ? patienceMs : within, signal)
      if (arrival?.kind === "opened") {
        // It may have ended at once.
        if (this.#stream !== "opening") continue
        this.#stream = "open"
        this.#streamSince = now()
        this.#look(known)
      } else if (arrival?.kind === "end" && this.#stream === "opening") {
        this.#giveUpStream(arrival.error)
      } else if (arrival?.kind === "looked") {
        const { before, holderTtlMs } = arrival
        if (holderTtlMs === undefined) return undefined
        // What came since the look was sent may be newer than its reply: to believe the one that ends sooner costs a check at most.
        if (before === known || holderTtlMs < known.holderTtlMs - elapsedMs(knownSince)) {
          known = { ...known, holderTtlMs }
          knownSince = now()
        }
      } else if (arrival?.kind === "next") {
        this.#isTakenForDead = arrival.leaseMs === 0
        known = { ...known, holderTtlMs: arrival.leaseMs, isForeign: false, place: 0 }
        knownSince = now()
      } else if (arrival?.kind === "granted" && this.#isPlausible(arrival)) {
        return this.#leaseOf(arrival, queued)
      } else if ((arrival && !this.#reopen(arrival)) || (!arrival && !isPatient)) {
        // Or the message belongs to a hold whose grant was missed: the check finds out.
        if (arrival && arrival.kind !== "stolen") this.#loseStream()
        return undefined
      }
    }
  }

  get #streamAgeMs(): number {
    return this.#streamSince ? elapsedMs(this.#streamSince) : Infinity
  }

  #pauseMs(known: Queued, isPatient: boolean): number {
    const { repeats, msPerPlace } = this.#speed
    return this.#stream !== "closed" && isPatient
      ? listeningPauseMs(known, this.#schedule, repeats)
      : pollingPauseMs(known, this.#schedule, repeats, msPerPlace)
  }

  /** The grant of a message, unless it is outdated. */
  #leaseOf(notice: Extract<Notice, { kind: "granted" }>, queued: Queued): Grant | undefined {
    const { serverTime } = queued
    const { micros, leaseMs, fencingToken, receivedAt } = notice
    // Older than the reply that we do not hold the lock: it was over by then.
    if (micros < serverTime.micros) return undefined
    const validity = Validity.ofLease(serverTime, micros, leaseMs, receivedAt)
    // If it is over by now, the lock may have gone to another waiter.
    if (validity.remainingMs <= 0) return undefined
    return { kind: "granted", validity, fencingToken, isLease: leaseMs < this.#request.ttlMs }
  }

  /**
   * Whether a release of this library can have published it for this waiter. Anyone who may publish and knows the channel
   * could have sent it: an excessive lease would be believed, and a fencing token that was asked for must not be missing.
   */
  #isPlausible({ leaseMs, fencingToken }: Extract<Notice, { kind: "granted" }>): boolean {
    const isMinted = fencingToken !== undefined
    return leaseMs <= this.#waiter.leaseMs && isMinted === this.#request.fencing
  }

  /** Opens a stream that has ended once more, if it was of use. The look after that finds what was missed. */
  #reopen(arrival: Notice): boolean {
    if (arrival.kind !== "end" || this.#stream !== "open" || this.#isReopened) return false
    if (this.#streamAgeMs < SHORT_LIVED_MS) return false
    this.#isReopened = true
    return this.#openStream()
  }

  #loseStream(): void {
    if (this.#stream === "closed") return
    this.#closeStream()
    this.#attempts.emitPolling("ended")
  }

  #closeStream(): void {
    this.#mailbox?.close()
    this.#stream = "closed"
  }

  /** @throws what is not a failure of the stream */
  #giveUpStream(error: unknown): void {
    this.#closeStream()
    if (error === undefined) this.#attempts.emitPolling("ended")
    else if (error instanceof RedisError)
      this.#attempts.emitPolling(error.isTransient ? "failed" : "refused")
    else throw error as Error
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
