// When a waiter asks by itself: so that a crashed holder, a dead waiter before it or a lost message cost a bounded
// delay, and so that as few as possible ask.
import type { Queued } from "../redis/store.js"

/** How a waiter learns of its grant, and so how often it has to ask and how long it may take to answer. */
export interface PollSchedule {
  /** The longest pause between two questions while all is well. */
  readonly longestPauseMs: number
  /** The longest pause once the stream has ended. */
  readonly longestPollMs: number
  /** For how long a waiter is granted the lock before it has shown that it is alive. */
  readonly leaseMs: number
}

/** About a round trip: to ask more often would find out hardly sooner. */
const SHORTEST_POLL_MS = 25
/** A database that says again and again that the lock is about to be free is asked no more often than this. */
const LONGEST_FLOOR_MS = 250
/** So long at most for each place, where nothing is known of the queue yet. */
const FIRST_POLL_MS = 35
/** Those further back ask later by this for each place: the first that is alive serves all. */
const STAGGER_MS = 50
/**
 * The same where the hold may be a lease, which a living holder is about to extend: longer than most holds, so that
 * those who came to a moving queue just then are served before they ask.
 */
const LEASE_STAGGER_MS = 500
/**
 * Behind a stranger, which frees the lock whenever it likes and wakes nobody, the head asks after 100 ms and then ever less
 * often, up to one to two seconds: some 30 questions in 15 s. Other programs ask every 100 to 250 ms.
 */
const FIRST_FOREIGN_MS = 100
const FOREIGN_GROWTH = 1.1
const LONGEST_FOREIGN_MS = 2_000
const FOREIGN_STAGGER_MS = 1_000
/** Everyone shows at least so often that it is alive; those further back later, so that most never need to. */
const HEARTBEAT_MS = 10_000
const HEARTBEAT_STAGGER_MS = 100
/** A waiter that has shown no sign of life for 30 s counts as dead: see shared/serve.lua. */
const LONGEST_MS = 20_000

/** @param how `stream`: one whose end is noticed; `subscriber`: one whose end is not; `poll`: none */
export function pollScheduleFor(
  how: "stream" | "subscriber" | "poll",
  ttlMs: number,
): PollSchedule {
  const [longestPauseMs, longestPollMs] = PAUSES[how]
  // A waiter that hears nothing must ask at least twice while it is granted the lock.
  const pollMs = Math.min(longestPollMs, ttlMs / 3)
  return {
    longestPauseMs: how === "stream" ? longestPauseMs : Math.min(longestPauseMs, ttlMs / 3),
    longestPollMs: pollMs,
    leaseMs: Math.ceil(Math.min(2 * longestPollMs + 1_000, ttlMs)),
  }
}

const PAUSES = {
  stream: [LONGEST_MS, 1_000],
  subscriber: [5_000, 5_000],
  poll: [2_000, 2_000],
} as const

/**
 * How long a waiter that hears of its grant goes without asking.
 *
 * @param n how often it was seen at its place before
 */
export function listeningPauseMs(queued: Queued, schedule: PollSchedule, n: number): number {
  const { holderTtlMs, isForeign, place } = queued
  const heartbeat = (HEARTBEAT_MS + place * HEARTBEAT_STAGGER_MS) * (0.9 + Math.random() * 0.2)
  // One of ours that was still there when its time should have been over renews it: then the head may ask alone.
  const free = isForeign
    ? Math.min(holderTtlMs, foreignPauseMs(n)) + place * FOREIGN_STAGGER_MS
    : holderTtlMs + staggerMs(queued, schedule, n)
  return Math.min(soonMs(free, n), heartbeat, schedule.longestPauseMs)
}

/** When the lock should be free; later each time that it should have been and nothing has changed. */
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
 * How long a waiter that has to ask pauses.
 *
 * It learns of its turn only by asking, and until it does everybody waits: so it asks before its turn can come, and
 * gets nearer by steps, which grow while the queue stands still.
 *
 * @param n how often it was seen at its place before
 * @param msPerPlace how long it took the queue to move by one so far; undefined where it has not moved
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
  // How fast our own queue moved says nothing about a stranger.
  if (isForeign && place === 0) return foreignPauseMs(n)
  if (msPerPlace === undefined)
    return FIRST_POLL_MS * (place + 1) * 1.5 ** n * (0.5 + Math.random() / 2)
  const perPlace = Math.max(msPerPlace, 1)
  return perPlace * (place * 0.6 + 0.25) * 1.4 ** n * (0.7 + Math.random() * 0.3)
}

/** Where it stood, and when by this machine's clock. */
interface Sample {
  readonly place: number
  readonly atMs: number
}

export class QueueSpeed {
  #first: Sample | undefined
  #last: Sample | undefined
  #repeats = 0
  #msPerPlace: number | undefined

  /** How often it was seen again where it stands. */
  get repeats(): number {
    return this.#repeats
  }

  /**
   * How long the queue takes to move by one place: since it was seen before that, or all in all, whichever is less. A time
   * in which it stood still, or somebody who was next asked late, is not to be repeated. Undefined where it has not moved.
   */
  get msPerPlace(): number | undefined {
    return this.#msPerPlace
  }

  see({ place, serverTime }: Queued): void {
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
