// A random history of the library: when and how each client calls for one lock, how it uses its hold, and the faults of its
// requests.
import fc from "fast-check"
import type { Fault, Plan } from "../support/fault-proxy.js"
import { isStreamFault } from "../support/stream-faults.js"
import { FAULTS } from "../faults/matrix.js"

/** One call, from its request to the end of its grant. */
export interface Act {
  /** The client that makes it. */
  readonly who: number
  readonly atMs: number
  readonly ask: "try" | "hear" | "poll" | "spin" | "abort" | "steal"
  readonly shares: boolean
  readonly then: "release" | "extend" | "renew" | "transfer" | "keep" | "crash"
  /** How long it is held, or waited for before the abort. */
  readonly ms: number
}

export interface LibraryHistory {
  /** How many may share the lock; 1: it is exclusive, and with fencing tokens. */
  readonly limit: number
  /** Whether it is stolen, too. */
  readonly hasThefts: boolean
  readonly acts: readonly Act[]
  /** The fault of the n-th request, in a loop. */
  readonly faults: readonly (Fault | undefined)[]
}

/** The number of clients. */
export const CLIENTS = 4

const STREAM_FAULTS: readonly Fault[] = [
  { kind: "stream-cut", afterMs: 100, by: "end" },
  { kind: "stream-cut", afterMs: 300, by: "reset" },
  { kind: "stream-stalled", after: "confirmation" },
  { kind: "stream-stalled", after: "headers" },
  { kind: "stream-garbled", text: "data: garbage\n\n" },
  { kind: "stream-split", bytes: 3 },
]

const acts: fc.Arbitrary<Act> = fc.record({
  who: fc.nat({ max: CLIENTS - 1 }),
  atMs: fc.nat({ max: 1_500 }),
  ask: fc.constantFrom("try", "hear", "hear", "hear", "poll", "poll", "spin", "abort", "steal"),
  shares: fc.boolean(),
  then: fc.constantFrom(
    "release",
    "release",
    "release",
    "extend",
    "renew",
    "transfer",
    "keep",
    "crash",
  ),
  ms: fc.constantFrom(0, 5, 30, 100, 300),
})

const faults = fc.oneof(
  { arbitrary: fc.constant(undefined), weight: 4 },
  { arbitrary: fc.constantFrom(...FAULTS.map(({ fault }) => fault), ...STREAM_FAULTS), weight: 1 },
)

export const libraryHistories: fc.Arbitrary<LibraryHistory> = fc.record({
  limit: fc.constantFrom(1, 1, 1, 2, Infinity),
  hasThefts: fc.nat({ max: 3 }).map((n) => n === 0),
  acts: fc.array(acts, { minLength: 4, maxLength: 16 }),
  faults: fc.array(faults, { minLength: 40, maxLength: 40 }),
})

/** The fault of a request, and of its stream if it opens one. */
export function planOf({ faults }: LibraryHistory): Plan {
  return ({ index, operations }) => {
    const fault = faults[index % faults.length]
    if (!operations.includes("SUBSCRIBE")) return isStreamFault(fault) ? undefined : fault
    const neverOpens = fault?.kind === "request-lost" || fault?.kind === "request-delayed"
    return neverOpens || isStreamFault(fault) ? fault : undefined
  }
}
