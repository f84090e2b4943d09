// `fetchlock wait`: waits until a lock is free, without taking it.
import type { LockStatus } from "../query.js"
import { sleep } from "../time/timers.js"
import { type Arguments, durationOf, integerOf } from "./command-line.js"
import { connect } from "./connect.js"
import { EXIT, say } from "./failure.js"
import { inQuotes } from "./printable.js"
import { printJson } from "./output.js"

/** Between two requests: the first pause, by how much each is longer than the one before, and the longest. */
const FIRST_PAUSE_MS = 250
const GROWTH = 1.5
const LONGEST_PAUSE_MS = 2_000

export async function execute(args: Arguments): Promise<number> {
  const name = args.positionals[0] ?? ""
  const waitMs = durationOf(args, "wait") ?? Infinity
  const conflictCode = integerOf(args, "conflict-exit-code", 0, 255) ?? EXIT.conflict
  const locks = connect(args)
  const startedAt = performance.now()
  const waitedMs = () => Math.round(performance.now() - startedAt)
  let status = await locks.inspect(name)
  for (let pause = FIRST_PAUSE_MS; !isFree(status); pause *= GROWTH) {
    const leftMs = waitMs - waitedMs()
    if (leftMs <= 0) break
    // Waiters take over when a hold ends, so its end alone says little.
    const endMs = status.waiting === 0 ? status.remainingMs + 10 : Infinity
    await sleep(Math.min(pause, LONGEST_PAUSE_MS, endMs, leftMs))
    status = await locks.inspect(name)
  }
  const free = isFree(status)
  if (args.options.has("json")) await printJson({ name, isFree: free, waitedMs: waitedMs() })
  else if (!free) say(`${inQuotes(name)} is still held or awaited (waited ${waitedMs()} ms)`)
  return free ? 0 : conflictCode
}

/** A lock with waiters is handed on, and never free in between. */
function isFree({ isHeld, waiting }: LockStatus): boolean {
  return !isHeld && waiting === 0
}
