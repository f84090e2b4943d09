// The random plan of a visit: which lock, how it is acquired, how long it is held, and how the hold ends.
import { type Ledgers, type Place, pickOfKind, pickPlace } from "../places.js"
import type { Random } from "../random.js"
import { LONG_TTL_MS, SHORT_TTL_MS, TTL_MS } from "../times.js"

export interface Errand {
  readonly place: Place
  /** The places that are taken together with it. */
  readonly others: readonly Place[]
  /** How the lock is acquired. */
  readonly way: Way
  readonly mode: "exclusive" | "shared"
  readonly waitMs: number
  /** The wait is aborted after this time. */
  readonly patienceMs: number | undefined
  readonly ttlMs: number
  /** How long it is held, if it is not lost. */
  readonly stayMs: number
  readonly isExtended: boolean
  readonly isWritten: boolean
  /** Whether it learns of a steal at once. */
  readonly isWatched: boolean
  /** A crash: it is never released. A transfer: it is transferred, and adopted. Kept: it is left to its ttl. */
  readonly ending: "release" | "crash" | "transfer" | "keep"
  /** How a term as a leader ends: a leader that stands again does so until its `waitMs` are over. */
  readonly term: "return" | "stand" | "fail" | "resign"
}

export type Way = "push" | "poll" | "spin" | "try" | "request" | "steal" | "all" | "lead"

const WAYS: readonly (readonly [Way, number])[] = [
  ["push", 0.62],
  ["request", 0.2],
  ["poll", 0.08],
  ["spin", 0.03],
  ["try", 0.07],
]

/** Ttls with their weights, and the share of holds with each that end in a crash. */
const TTLS: readonly (readonly [ttl: readonly [ms: number, crashes: number], number])[] = [
  [[TTL_MS, 0.01], 0.8],
  // After a hand-off, the holder first has a shorter lease.
  [[LONG_TTL_MS, 0.01], 0.1],
  // Short: a hold that ends in a crash is believed until its end, so it reveals each millisecond of error in that end.
  [[SHORT_TTL_MS, 0.5], 0.1],
]

/** How long a lock is held: mostly a moment, at times as long as replies may be late, at times to the ttl's end. */
const STAYS: readonly (readonly [stay: readonly [least: number, most: number], number])[] = [
  [[0, 12], 0.78],
  [[50, 400], 0.2],
  [[0.2 * TTL_MS, 1.1 * TTL_MS], 0.02],
]

const SHORT_WAIT_MS = 200

/** A job takes so long that others can join it, at times longer than some of them wait. */
const JOB_STAYS: typeof STAYS = [
  [[20, 300], 0.8],
  [[3_000, 6_000], 0.2],
]

/** The share of the visits to a part that take others with it. */
const TOGETHER = 0.8

export function pickErrand(random: Random, ledgers: Ledgers): Errand {
  const place = pickPlace(random, ledgers)
  const isTogether = place.kind === "part" && random.chance(TOGETHER)
  const isStolen = place.kind === "crown" && random.chance(0.3)
  const way = isTogether ? "all" : isStolen ? "steal" : random.weighted(WAYS)
  const isJob = place.kind === "job"
  const [least, most] = random.weighted(isJob ? JOB_STAYS : STAYS)
  const [ttlMs, crashes] = random.weighted(TTLS)
  return {
    place,
    others: isTogether ? pickOthers(random, place, ledgers) : [],
    term: "return",
    way,
    mode: place.kind === "page" && random.chance(0.7) ? "shared" : "exclusive",
    waitMs: way === "try" ? 0 : random.chance(isJob ? 0.4 : 0.1) ? SHORT_WAIT_MS : 5_000,
    patienceMs: random.chance(0.06) ? random.between(1, 400) : undefined,
    ttlMs,
    stayMs: random.between(least, most),
    isExtended: random.chance(most > TTL_MS / 2 ? 0.4 : 0.05),
    isWritten: random.chance(0.6),
    ending: random.chance(crashes)
      ? "crash"
      : random.chance(0.04)
        ? "transfer"
        : random.chance(0.01)
          ? "keep"
          : "release",
    isWatched: random.chance(place.kind === "crown" ? 0.5 : 0.1),
  }
}

/** One or two more parts, and at times a ledger: in any order. */
function pickOthers(random: Random, place: Place, ledgers: Ledgers): readonly Place[] {
  const kinds = random.chance(0.3) ? (["part", "ledger"] as const) : (["part", "part"] as const)
  const picked = kinds.map((kind) => pickOfKind(random, kind, ledgers))
  const names = new Set([place.name])
  return picked.filter(({ name }) => !names.has(name) && names.add(name))
}

/** A candidate for a chair, who leads for a moment, for some renewals, or for as long as it stands. */
export function candidateErrand(random: Random, ledgers: Ledgers): Errand {
  const [least, most] = random.weighted(TERMS)
  return {
    place: pickOfKind(random, "chair", ledgers),
    others: [],
    way: "lead",
    mode: "exclusive",
    waitMs: random.between(1_000, 5_000),
    patienceMs: undefined,
    ttlMs: TTL_MS,
    stayMs: random.between(least, most),
    isExtended: false,
    isWritten: true,
    isWatched: random.chance(0.2),
    ending: "release",
    term: random.pick(["return", "stand", "fail", "resign"]),
  }
}

/** How long a term lasts. */
const TERMS: typeof STAYS = [
  [[0, 50], 0.4],
  [[200, 1_200], 0.4],
  [[TTL_MS, 3 * TTL_MS], 0.2],
]

/** How long each of a herd holds the lock: until all of them are in the queue. */
const HERD_STAY_MS = 150

/**
 * One of a herd: all come at once, and no others after them, so that only hand-offs can serve them. The second
 * herd comes to one job after the other, and most of it gets another one's result.
 */
export function herdErrand(herd: number, round: number): Errand {
  return {
    others: [],
    term: "return",
    place:
      herd === 0 ? { kind: "herd", name: "herd-0" } : { kind: "job", name: `job-${round % 2}` },
    way: "push",
    mode: "exclusive",
    waitMs: 5_000,
    patienceMs: undefined,
    ttlMs: TTL_MS,
    stayMs: HERD_STAY_MS,
    isExtended: false,
    isWritten: true,
    isWatched: herd === 0 && round % 2 === 1,
    ending: "release",
  }
}
