// The contended locks, and their kinds.
import type { Random } from "./random.js"

/**
 * - `ledger`: exclusive, with fencing tokens, which the register checks
 * - `herd`: the same, for visitors that all come at the same time; no others use it
 * - `page`: readers and writers
 * - `gate`: a semaphore
 * - `job`: run once, with a result that those who ask meanwhile share
 * - `crown`: stolen now and then, so that two may believe that they have it: not judged for overlaps
 */
export type PlaceKind = "ledger" | "herd" | "page" | "gate" | "job" | "crown"

export interface Place {
  readonly kind: PlaceKind
  readonly name: string
}

/** The permits of a gate. */
export const GATE_PERMITS = 3

const WEIGHTS: readonly (readonly [PlaceKind, number])[] = [
  ["ledger", 0.75],
  ["job", 0.1],
  ["page", 0.07],
  ["gate", 0.06],
  ["crown", 0.02],
]

/** A random place, given the number of ledgers. */
export function pickPlace(random: Random, ledgers: number): Place {
  const kind = random.weighted(WEIGHTS)
  const which = Math.floor(random.between(0, countOf(kind, ledgers)))
  return { kind, name: `${kind}-${which}` }
}

/** One crown. Pages and gates are so few that they are a little more contended than the ledgers. */
function countOf(kind: PlaceKind, ledgers: number): number {
  if (kind === "ledger") return ledgers
  // One whose results are remembered, and one whose results are not.
  if (kind === "job") return Math.max(2, Math.ceil(ledgers / 16))
  return kind === "crown" ? 1 : Math.ceil(ledgers / 16)
}

/** Whether its holders have fencing tokens. */
export function isRegistered(kind: PlaceKind): boolean {
  return kind === "ledger" || kind === "herd" || kind === "job" || kind === "crown"
}

/** For how long a job's result is served to later calls: all who call it agree. */
export function rememberMsOf(name: string): number {
  return Number(name.slice(name.indexOf("-") + 1)) % 2 === 0 ? 0 : 1_500
}

/** The kind of the place with that name. */
export function kindOf(name: string): PlaceKind {
  return name.slice(0, name.indexOf("-")) as PlaceKind
}
