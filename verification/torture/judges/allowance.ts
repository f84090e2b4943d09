// How long a lock may be held by nobody while somebody waits: the promise of docs/safety.md, made a sum.
//
// A name moves on at once after a release. What may keep it still, each with its price:
//  - the deadline of a stream that does not open
//  - a waiter that polls, or has to since its stream was cut: its pause, a third of the ttl
//  - a holder that died or could not release: its ttl
//  - a waiter that died in the queue, or missed its grant: the lease that it is granted, at most the ttl, and the 500 ms
//    by which those behind it ask later
//  - a request that suffered a fault, or that a busy machine executed after its deadline only: its deadline and the pause
//    before it is asked again
//  - one that was executed when nobody wanted it any more, by a fault or by a busy machine, or a call whose outcome stayed unknown:
//    a hold for nobody, a ttl
//  - a waiter that left: the deadline of what it had under way, and its leave
//  - a restart of the database: the time it was away, the time until the REST server comes back to it, and the hold and the lease
//    that it kept for those who could not be told
//  - but all of what holds the lock or a place in the queue for nobody no longer than such a place lives, and one ttl
//  - the machine: by what timers were late meanwhile, measured, and a fixed slack for what is too short to be measured
import type { Setback, Setbacks } from "./setbacks.js"
import { FAR_MS } from "../far-clients.js"
import { LONG_TTL_MS, PLACE_MS, TIMEOUT_MS } from "../times.js"

/** A bound, and what it is made of. */
export interface Allowance {
  readonly ms: number
  readonly because: Readonly<Record<string, number>>
}

interface Circumstances {
  readonly name: string
  readonly from: number
  readonly to: number
  /** When the hold before ended. */
  readonly freeSince: number
  /** The ttls of holds that ended, and were not known to be released. */
  readonly unreleasedMs: readonly number[]
  /** The ttls of waiters that died and may be in the queue. */
  readonly deadMs: readonly number[]
}

const SLACK_MS = 300
/** Of the pause before a question is asked again, after the first and the second time. */
const BACKOFF_MS = 200
const STAGGER_MS = 500
const RECONNECT_MS = 1_000
/** Whoever polls in a wait that began before does so no more. */
const LONGEST_WAIT_MS = 6_000
/** A fault so long ago may still have its effect. */
const AFTERMATH_MS = 2_000

/** Nothing that nobody stands behind is in the way for longer. */
const MOST_IN_THE_WAY_MS = PLACE_MS + LONG_TTL_MS

const PRICES: Readonly<Record<Setback, number>> = {
  fault: TIMEOUT_MS + BACKOFF_MS,
  leave: TIMEOUT_MS + BACKOFF_MS,
  belated: LONG_TTL_MS,
  unknown: LONG_TTL_MS,
  cut: LONG_TTL_MS / 3,
}

export function allow(
  { name, from, to, freeSince, unreleasedMs, deadMs }: Circumstances,
  setbacks: Setbacks,
): Allowance {
  // Nobody has held it since then, whether or not anybody waited.
  const free = Math.max(freeSince, from - LONGEST_WAIT_MS)
  const struck = setbacks.of(name, free - AFTERMATH_MS, to)
  const restarts = setbacks.restartsBetween(free - 2 * LONG_TTL_MS, to)
  const inTheWay = {
    "a holder that did not release": Math.max(0, ...unreleasedMs),
    "waiters that died": sum(deadMs.map((ms) => ms + STAGGER_MS)),
    "requests and calls that failed": sum(struck.map((what) => PRICES[what])),
  }
  const because = {
    "the deadline of a stream": TIMEOUT_MS + FAR_MS[1] + SLACK_MS,
    "the pause of who polls": setbacks.polledSince(name, free - LONGEST_WAIT_MS) / 3,
    ...inTheWay,
    "but none of these for longer than a place lives": Math.min(
      0,
      MOST_IN_THE_WAY_MS - sum(Object.values(inTheWay)),
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
