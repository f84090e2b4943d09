// How long a lock may be free while a caller waits: the promise of docs/safety.md as a sum.
//
// After a release the next waiter is served at once. Each possible delay has its price:
//  - a stream that does not open: its deadline
//  - a waiter that polls, or must poll since its stream was cut: its pause, a third of the ttl
//  - a holder that died or could not release: its ttl
//  - a waiter that died in the queue, or missed its grant, or whose request was executed after it was given up, by a fault
//    or on a busy machine: the hold or lease that it is granted, at most the ttl, and the 500 ms by which the waiters behind
//    it are staggered. Its place stays in the queue until its turn comes
//  - a request that suffered a fault, or that a busy machine executed only after its deadline: its deadline and the pause
//    before the retry
//  - a call whose outcome stayed unknown: an orphaned hold, one ttl
//  - a waiter that left: the deadline of its request in progress, and its leave
//  - a restart of the database: its downtime, the time until the REST server reconnects, and the hold and the lease that it
//    kept for clients that could not be notified
//  - all orphaned holds and places in the queue together: at most the lifetime of such a place, and one ttl
//  - the machine: the measured delay of timers meanwhile, and a fixed slack for delays that are too short to be measured
import type { Setback, Setbacks } from "./setbacks.js"
import { FAR_MS } from "../far-clients.js"
import { LONG_TTL_MS, PLACE_MS, TIMEOUT_MS } from "../times.js"

/** A bound, and its parts. */
export interface Allowance {
  readonly ms: number
  readonly because: Readonly<Record<string, number>>
}

interface Circumstances {
  readonly name: string
  readonly from: number
  readonly to: number
  /** When the previous hold ended. */
  readonly freeSince: number
  /** The ttls of ended holds that are not known to be released. */
  readonly unreleasedMs: readonly number[]
  /** The ttls of dead waiters that may still be in the queue. */
  readonly deadMs: readonly number[]
}

const SLACK_MS = 300
/** The pauses before the first and the second retry of a request. */
const BACKOFF_MS = 200
const STAGGER_MS = 500
const RECONNECT_MS = 1_000
/** A wait that began earlier has ended, so it does not poll any more. */
const LONGEST_WAIT_MS = 6_000
/** How long a fault may have an effect. */
const AFTERMATH_MS = 2_000

/** Orphaned holds and places do not block a lock for longer than this. */
const LONGEST_BLOCK_MS = PLACE_MS + LONG_TTL_MS

const PRICES: Readonly<Record<Setback, number>> = {
  fault: TIMEOUT_MS + BACKOFF_MS,
  leave: TIMEOUT_MS + BACKOFF_MS,
  unknown: LONG_TTL_MS,
  cut: LONG_TTL_MS / 3,
}

export function allow(
  { name, from, to, freeSince, unreleasedMs, deadMs }: Circumstances,
  setbacks: Setbacks,
): Allowance {
  // The lock has been free since then, with or without waiters.
  const free = Math.max(freeSince, from - LONGEST_WAIT_MS)
  const struck = setbacks.of(name, free - AFTERMATH_MS, to)
  const restarts = setbacks.restartsBetween(free - 2 * LONG_TTL_MS, to)
  const blocking = {
    "a holder that did not release": Math.max(0, ...unreleasedMs),
    "waiters that died": sum(deadMs.map((ms) => ms + STAGGER_MS)),
    "requests and calls that failed": sum(struck.map((what) => PRICES[what])),
  }
  const because = {
    "the deadline of a stream": TIMEOUT_MS + FAR_MS[1] + SLACK_MS,
    "the pause of a waiter that polls": setbacks.polledSince(name, free - LONGEST_WAIT_MS) / 3,
    ...blocking,
    "but at most the lifetime of a place": Math.min(
      0,
      LONGEST_BLOCK_MS - sum(Object.values(blocking)),
    ),
    "restarts of the database": sum(
      restarts.map((restart) => restart.until - restart.from + RECONNECT_MS + 2 * LONG_TTL_MS),
    ),
    "a busy machine": setbacks.lagBetween(free, to),
  }
  return { ms: sum(Object.values(because)), because }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}
