// Keeps the microseconds of a state of a quorum small: see ../lock/micros.ts.
import type { Keyspaces } from "../keyspaces.js"
import { renumbered } from "../lock/micros.js"
import type { NodeState, QuorumState, Reply } from "./state.js"

/** When the next script runs on this database, by its clock: in this millisecond, after all that happened in it. */
export function microsOffset(
  state: QuorumState,
  { skewMs }: NodeState,
  keyspaces: Keyspaces,
): number {
  const from = skewMs * 1_000
  let last = from
  for (const micros of allMicros(state, keyspaces))
    if (micros > last && micros < from + 1_000) last = micros
  return last + 1
}

/** Renumbers the microseconds within each millisecond, in their order. */
export function normalizeMicros(state: QuorumState, keyspaces: Keyspaces): void {
  const change = renumbered(allMicros(state, keyspaces))
  if (!change) return
  for (const node of state.nodes) node.db = keyspaces.withMicros(node.db, change)
  eachMicros(state, (micros) => (micros === null ? null : (change.get(micros) ?? micros)))
}

function allMicros(state: QuorumState, keyspaces: Keyspaces): Set<number> {
  const all = new Set(state.nodes.flatMap(({ db }) => keyspaces.microsIn(db)))
  eachMicros(state, (micros) => {
    if (micros !== null) all.add(micros)
    return micros
  })
  return all
}

/** Visits, and may change, each time in microseconds outside the databases. */
export function eachMicros(
  state: QuorumState,
  visit: (micros: number | null) => number | null,
): void {
  const visitVote = (vote: Reply | { readonly kind: "broken" | "late" } | null | undefined) => {
    if (vote?.kind !== "granted") return
    vote.lastFence = visit(vote.lastFence)
    vote.micros = visit(vote.micros)
  }
  for (const { requests, known } of state.nodes) {
    for (const { vote } of known) visitVote(vote)
    for (const request of requests) {
      request.fence = visit(request.fence)
      visitVote(request.reply)
    }
  }
  for (const caller of state.callers) caller.fence = visit(caller.fence)
  state.highestFence = visit(state.highestFence)
}
