// When a waiter checks by itself: so that a crashed holder, a dead waiter before it or a lost message costs a bounded
// delay, and so that as few waiters as possible check.
import { leaseMsFor, LONGEST_POLL_MS } from "../redis/queue.js"
import type { Hearing, Queued } from "../redis/store.js"

/** How often a waiter checks: depends on how it learns of its grant. */
export interface PollSchedule {
  /** The longest pause between two checks while its stream is open. */
  readonly longestPauseMs: number
  /** The longest pause once the stream has ended. */
  readonly longestPollMs: number
  /** For how long a waiter is granted the lock until it has shown that it is alive. */
  readonly leaseMs: number
}

/** About a round trip: a shorter pause would gain almost nothing. */
const SHORTEST_POLL_MS = 25
/** The longest pause while the database keeps replying that the lock is about to be free. */
const LONGEST_FLOOR_MS = 250
/** The longest first pause for each place, before anything is known about the queue's speed. */
const FIRST_POLL_MS = 35
/** A waiter checks this much later for each place before it: the first live one serves them all. */
const STAGGER_MS = 50
/**
 * The same if the hold may be a lease, which a live holder is about to extend: longer than most holds, so that waiters in a
 * moving queue are granted the lock before they check.
 */
const LEASE_STAGGER_MS = 500
/**
 * A foreign holder frees the lock at any moment and notifies nobody. The head checks after 100 ms and then less and less
 * often, up to every one to two seconds: about 30 checks in 15 s. Other libraries poll every 100 to 250 ms.
 */
const FIRST_FOREIGN_MS = 100
const FOREIGN_GROWTH = 1.1
const LONGEST_FOREIGN_MS = 2_000
const FOREIGN_STAGGER_MS = 1_000
/** How often each waiter sends a heartbeat; those further back later, so that most never need to. */
const HEARTBEAT_MS = 10_000
const HEARTBEAT_STAGGER_MS = 100
/** A waiter without a heartbeat for 30 s counts as dead: see shared/grant-next.lua. */
const LONGEST_MS = 20_000

export function pollScheduleFor(hearing: Hearing, ttlMs: number): PollSchedule {
  // A waiter without messages must check at least twice during its lease.
  const longestPollMs = Math.min(LONGEST_POLL_MS[hearing], ttlMs / 3)
  const longestPauseMs = hearing === "stream" ? LONGEST_MS : longestPollMs
  return { longestPauseMs, longestPollMs, leaseMs: leaseMsFor(hearing, ttlMs) }
}

/**
 * The pause before a waiter with a stream checks.
 *
 * @param n how often it was seen at its place before
 */
export function listeningPauseMs(queued: Queued, schedule: PollSchedule, n: number): number {
  const { holderTtlMs, isForeign, place } = queued
  const heartbeat = (HEARTBEAT_MS + place * HEARTBEAT_STAGGER_MS) * (0.9 + Math.random() * 0.2)
  // A holder of ours that outlived its time renews its hold: from then on the head alone may check.
  const free = isForeign
    ? Math.min(holderTtlMs, foreignPauseMs(n)) + place * FOREIGN_STAGGER_MS
    : holderTtlMs + staggerMs(queued, schedule, n)
  return Math.min(soonMs(free, n), heartbeat, schedule.longestPauseMs)
}

/** When the lock should be free; later each time that it should have been free and was not. */
function soonMs(free: number, n: number): number {
  if (free >= SHORTEST_POLL_MS) return free + 1
  return Math.min(SHORTEST_POLL_MS * 1.5 ** n, LONGEST_FLOOR_MS)
}

function foreignPauseMs(n: number): number {
  const pause = Math.min(FIRST_FOREIGN_MS * FOREIGN_GROWTH ** n, LONGEST_FOREIGN_MS)
  return pause * (0.5 + Math.random() / 2)
}

function staggerMs({ holderTtlMs, place }: Queued, { leaseMs }: PollSchedule, n: number): number {
  if (holderTtlMs <= leaseMs) return place * LEASE_STAGGER_MS
  return Math.min(place * STAGGER_MS * 2 ** Math.min(n, 10), leaseMs)
}

/**
 * The pause before a waiter that polls checks.
 *
 * It learns of its turn only from a check, and everyone behind it waits until then: so it checks before its turn can come,
 * in steps that grow while the queue does not move.
 *
 * @param n how often it was seen at its place before
 * @param msPerPlace how long the queue took to move by one place so far; undefined if it has not moved
 */
export function pollingPauseMs(
  queued: Queued,
  schedule: PollSchedule,
  n: number,
  msPerPlace: number | undefined,
): number {
  const free = queued.holderTtlMs + queued.place * STAGGER_MS
  const turn = Math.max(turnMs(queued, n, msPerPlace), SHORTEST_POLL_MS)
  return Math.min(soonMs(free, n), turn, schedule.longestPollMs)
}

function turnMs({ isForeign, place }: Queued, n: number, msPerPlace: number | undefined): number {
  // The speed of our own queue says nothing about a foreign holder.
  if (isForeign && place === 0) return foreignPauseMs(n)
  if (msPerPlace === undefined)
    return FIRST_POLL_MS * (place + 1) * 1.5 ** n * (0.5 + Math.random() / 2)
  const perPlace = Math.max(msPerPlace, 1)
  return perPlace * (place * 0.6 + 0.25) * 1.4 ** n * (0.7 + Math.random() * 0.3)
}

/** The waiter's place, and when it was there by this machine's clock. */
interface Sample {
  readonly place: number
  readonly atMs: number
}

export class QueueSpeed {
  #first: Sample | undefined
  #last: Sample | undefined
  #repeats = 0
  #msPerPlace: number | undefined

  /** How often it was seen again at its current place. */
  get repeats(): number {
    return this.#repeats
  }

  /**
   * How long the queue takes to move by one place: since the last sample or on average, whichever is less. A period in
   * which it did not move, or in which the head checked late, should not count again. Undefined if it has not moved.
   */
  get msPerPlace(): number | undefined {
    return this.#msPerPlace
  }

  add({ place, serverTime }: Queued): void {
    const sample = { place, atMs: serverTime.sentAt.monotonicMs }
    const before = this.#last
    this.#last = sample
    this.#first ??= sample
    this.#repeats = before?.place === place ? this.#repeats + 1 : 0
    if (!before || place >= before.place) return
    const latest = rate(before, sample)
    const average = place < this.#first.place ? rate(this.#first, sample) : Infinity
    this.#msPerPlace = Math.min(latest, average)
  }
}

function rate(from: Sample, to: Sample): number {
  return (to.atMs - from.atMs) / (from.place - to.place)
}
