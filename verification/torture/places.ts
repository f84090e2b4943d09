// The contended locks, and their kinds.
import type { Random } from "./random.js"

/**
 * - `ledger`: exclusive, with fencing tokens, which the register checks
 * - `herd`: the same, for visitors that all come at the same time; no others use it
 * - `page`: readers and writers
 * - `gate`: a semaphore
 * - `job`: run once, with a result that those who ask meanwhile share
 * - `part`: taken together with others, all or none, and at times alone
 * - `chair`: for an elected leader
 * - `crown`: stolen now and then, so that two may believe that they have it: not judged for overlaps
 */
export type PlaceKind = "ledger" | "herd" | "page" | "gate" | "job" | "part" | "chair" | "crown"

export interface Place {
  readonly kind: PlaceKind
  readonly name: string
}

/** The permits of a gate. */
export const GATE_PERMITS = 3

/** So few that those who take several of them meet in more than one. */
const PARTS = 6
const CHAIRS = 2

const WEIGHTS: readonly (readonly [PlaceKind, number])[] = [
  ["ledger", 0.7],
  ["part", 0.05],
  ["job", 0.1],
  ["page", 0.07],
  ["gate", 0.06],
  ["crown", 0.02],
]

/** How many ledgers there are: those that are contended, and the others after them. */
export interface Ledgers {
  readonly ledgers: number
  readonly quietLedgers: number
}

/** The share of the visits to a ledger that go to a quiet one, if there are any. */
const QUIET = 0.6

/** A random place. */
export function pickPlace(random: Random, count: Ledgers): Place {
  return pickOfKind(random, random.weighted(WEIGHTS), count)
}

export function pickOfKind(random: Random, kind: PlaceKind, count: Ledgers): Place {
  const { ledgers, quietLedgers } = count
  const isQuiet = kind === "ledger" && quietLedgers > 0 && random.chance(QUIET)
  const which = isQuiet
    ? random.between(ledgers, ledgers + quietLedgers)
    : random.between(0, countOf(kind, ledgers))
  return { kind, name: `${kind}-${Math.floor(which)}` }
}

/** One crown. The other kinds are so few that they are a little more contended than the ledgers. */
function countOf(kind: PlaceKind, ledgers: number): number {
  if (kind === "ledger") return ledgers
  if (kind === "part") return PARTS
  if (kind === "chair") return CHAIRS
  // One whose results are remembered, and one whose results are not.
  if (kind === "job") return Math.max(2, Math.ceil(ledgers / 16))
  return kind === "crown" ? 1 : Math.ceil(ledgers / 16)
}

/** Whether its holders have fencing tokens. */
export function isRegistered(kind: PlaceKind): boolean {
  return kind !== "page" && kind !== "gate"
}

/** For how long a job's result is served to later calls: all who call it agree. */
export function rememberMsOf(name: string): number {
  return Number(name.slice(name.indexOf("-") + 1)) % 2 === 0 ? 0 : 1_500
}

/** The kind of the place with that name. */
export function kindOf(name: string): PlaceKind {
  return name.slice(0, name.indexOf("-")) as PlaceKind
}
