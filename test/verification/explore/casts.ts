// The casts of callers whose model is compared with the library.
import type { LockWorldSettings } from "../../../verification/explore/lock/world.js"
import { callersWith, type Terms } from "../../../verification/explore/lock/state.js"

interface Cast {
  readonly what: string
  readonly settings: LockWorldSettings
  readonly faults: number
}

const ONCE = { once: { rememberMs: 20_000 }, renews: true }
const BRIEF = { once: { rememberMs: 0 }, renews: true }
const STEAL = { steals: true, waitMs: 0 }

function cast(what: string, faults: number, ...terms: readonly Partial<Terms>[]): Cast {
  return {
    what,
    faults,
    settings: { terms: callersWith(terms), endsWithinMs: Infinity, idleWithinMs: Infinity },
  }
}

export const CASTS: readonly Cast[] = [
  cast("two callers", 3, {}, {}),
  cast(
    "two callers, one with a fencing token and one that renews",
    3,
    { fencing: true },
    { renews: true },
  ),
  cast("three callers", 4, {}, {}, { fencing: true }),
  cast(
    "two callers that cannot cancel requests",
    4,
    { cancels: false },
    { cancels: false, fencing: true },
  ),
  cast("a caller that does not wait", 3, {}, { waitMs: 0 }),
  cast("two readers and a writer", 3, { limit: Infinity }, { limit: Infinity, ttlMs: 12_000 }, {}),
  cast("two calls of once", 3, ONCE, ONCE),
  cast("three calls of once whose result is not remembered", 3, BRIEF, BRIEF, BRIEF),
  cast("three callers for two permits", 3, { limit: 2 }, { limit: 2 }, { limit: 2, renews: true }),
  cast(
    "a steal from holders that watch",
    3,
    { watches: true, renews: true },
    { watches: true },
    STEAL,
  ),
  cast(
    "a reader that watches, one that renews, and a writer",
    3,
    { limit: Infinity, watches: true },
    { limit: Infinity, renews: true, ttlMs: 12_000 },
    {},
  ),
]
