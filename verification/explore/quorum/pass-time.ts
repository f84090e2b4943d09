// Time passes for the callers of a quorum, and for what is on its way: see QuorumWorld.
import { eachMicros } from "./micros.js"
import type { QuorumState } from "./state.js"

export function passTime(state: QuorumState, ms: number): void {
  const rest = (time: number) => Math.max(0, time - ms)
  const later = (time: number | null) => (time === null ? null : time - ms)
  eachMicros(state, (micros) => (micros === null ? null : micros - ms * 1_000))
  for (const caller of state.callers) {
    caller.timerMs = later(caller.timerMs)
    caller.waitMs = rest(caller.waitMs)
    caller.budgetMs = rest(caller.budgetMs)
    // How far it is beyond its own deadline makes a difference.
    if (caller.phase === "voting" || caller.phase === "minting" || caller.phase === "split")
      caller.ownBudgetMs -= ms
    caller.outageMs = rest(caller.outageMs)
    caller.roundLeftMs = rest(caller.roundLeftMs)
    caller.validMs = rest(caller.validMs)
    if (caller.renewal) caller.renewal.timerMs = later(caller.renewal.timerMs)
    const isSent = caller.phase === "voting" || caller.phase === "minting" || caller.renewal?.isSent
    if (isSent) caller.sentMs -= ms
  }
  for (const { requests, pausing } of state.nodes) {
    for (const request of requests) {
      if (request.role !== "nobody") request.deadlineMs -= ms
      if (request.retry) request.retry.budgetMs = rest(request.retry.budgetMs)
    }
    for (const one of pausing) {
      one.timerMs -= ms
      one.budgetMs = rest(one.budgetMs)
    }
  }
}
