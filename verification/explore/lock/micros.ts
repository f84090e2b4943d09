// Keeps the microseconds of a state small: what counts is only which of two times within one millisecond comes first.
import type { Keyspaces } from "../keyspaces.js"
import type { LockState } from "./state.js"

/** The microseconds within this millisecond at which the next script runs: after all earlier ones. */
export function microsOffset(state: LockState, keyspaces: Keyspaces): number {
  let last = 0
  const see = (micros: number | null) => {
    if (micros !== null && micros > last) last = micros
    return micros
  }
  for (const micros of keyspaces.microsIn(state.db)) see(micros)
  eachMicros(state, see)
  return last + 1
}

/** Renumbers the microseconds within each millisecond, in their order. */
export function normalizeMicros(state: LockState, keyspaces: Keyspaces): void {
  const inDatabase = keyspaces.microsIn(state.db)
  const all = new Set(inDatabase)
  eachMicros(state, (micros) => {
    if (micros !== null) all.add(micros)
    return micros
  })
  const change = renumbered(all)
  if (!change) return
  state.db = keyspaces.withMicros(state.db, change)
  eachMicros(state, (micros) => (micros === null ? null : (change.get(micros) ?? micros)))
}

/** Each of these times with its new number; undefined if all remain as they are. */
export function renumbered(all: ReadonlySet<number>): ReadonlyMap<number, number> | undefined {
  const change = new Map<number, number>()
  let isSame = true
  let before = NaN
  let count = 0
  for (const micros of [...all].sort((a, b) => a - b)) {
    const ms = Math.floor(micros / 1_000)
    count = ms === before ? count + 1 : 1
    before = ms
    const next = ms * 1_000 + count
    if (next !== micros) isSame = false
    change.set(micros, next)
  }
  return isSame ? undefined : change
}

/** Visits, and may change, each time in microseconds outside the database. */
export function eachMicros(
  state: LockState,
  visit: (micros: number | null) => number | null,
): void {
  for (const caller of state.callers) {
    caller.ticket = visit(caller.ticket)
    if (caller.queued) caller.queued.micros = visit(caller.queued.micros) ?? 0
    caller.fence = visit(caller.fence)
    caller.beganAt = visit(caller.beganAt)
    caller.settledAt = visit(caller.settledAt)
    for (const message of caller.inbox) visitMessage(message, visit)
  }
  for (const request of state.requests) {
    request.ticket = visit(request.ticket)
    const { reply } = request
    if (reply?.kind === "granted") reply.fence = visit(reply.fence)
    if (reply?.kind === "running") reply.since = visit(reply.since) ?? 0
    if (reply?.kind === "record") reply.settled = visit(reply.settled) ?? 0
    if (reply?.kind === "queued") {
      reply.ticket = visit(reply.ticket) ?? 0
      reply.micros = visit(reply.micros) ?? 0
    }
  }
  for (const message of state.messages.flat()) visitMessage(message, visit)
  state.highestFence = visit(state.highestFence)
}

function visitMessage(
  message: LockState["messages"][number][number],
  visit: (micros: number | null) => number | null,
): void {
  if (message.kind === "record") message.settled = visit(message.settled) ?? 0
  if (message.kind !== "granted") return
  message.micros = visit(message.micros) ?? 0
  message.fence = visit(message.fence)
}
