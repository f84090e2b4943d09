// What a visit is for: which lock, how it is asked for, how long it is kept, and how it is let go of; all by chance.
import { type Place, pickPlace } from "../places.js"
import type { Random } from "../random.js"
import { LONG_TTL_MS, TTL_MS } from "../times.js"

export interface Errand {
  readonly place: Place
  /** How the lock is asked for. */
  readonly way: Way
  readonly mode: "exclusive" | "shared"
  readonly waitMs: number
  /** Whoever waits gives up after so long. */
  readonly patienceMs: number | undefined
  readonly ttlMs: number
  /** How long it is held, if it can be. */
  readonly stayMs: number
  readonly isExtended: boolean
  readonly isWritten: boolean
  /** A crash: it is never released. A transfer: it is given away, and adopted. */
  readonly ending: "release" | "crash" | "transfer"
}

export type Way = "push" | "poll" | "spin" | "try" | "request" | "steal"

const WAYS: readonly (readonly [Way, number])[] = [
  ["push", 0.5],
  ["request", 0.2],
  ["poll", 0.15],
  ["spin", 0.08],
  ["try", 0.07],
]

const ENDINGS: readonly (readonly [Errand["ending"], number])[] = [
  ["release", 0.95],
  ["crash", 0.01],
  ["transfer", 0.04],
]

export function pickErrand(random: Random, ledgers: number): Errand {
  const place = pickPlace(random, ledgers)
  const way = place.kind === "crown" && random.chance(0.3) ? "steal" : random.weighted(WAYS)
  const isLong = random.chance(0.04)
  // With a longer one whoever is handed the lock gets a lease first.
  const ttlMs = random.chance(0.1) ? LONG_TTL_MS : TTL_MS
  return {
    place,
    way,
    mode: place.kind === "page" && random.chance(0.7) ? "shared" : "exclusive",
    waitMs: way === "try" ? 0 : random.chance(0.1) ? 200 : 5_000,
    patienceMs: random.chance(0.06) ? random.between(1, 400) : undefined,
    ttlMs,
    stayMs: isLong ? random.between(0.2, 1.1) * TTL_MS : random.between(0, 12),
    isExtended: random.chance(isLong ? 0.4 : 0.05),
    isWritten: random.chance(0.6),
    ending: random.weighted(ENDINGS),
  }
}

/** How long each of a herd keeps the lock: until all of them stand in the queue. */
const HERD_STAY_MS = 150

/** One of a herd: all come at once, and after them nobody does, so that nothing but hand-offs gets them through. */
export function herdErrand(herd: number): Errand {
  return {
    place: { kind: "herd", name: `herd-${herd}` },
    way: "push",
    mode: "exclusive",
    waitMs: 5_000,
    patienceMs: undefined,
    ttlMs: TTL_MS,
    stayMs: HERD_STAY_MS,
    isExtended: false,
    isWritten: true,
    ending: "release",
  }
}
