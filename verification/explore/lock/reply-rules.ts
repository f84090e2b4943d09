// What each reply says has to be true of the database.
import { must } from "../world.js"
import { type Execution, type LockView, passesOn } from "./lock-view.js"
import type { Terms } from "./state.js"

export function checkReply(execution: Execution): void {
  const { request, terms, token, was, is, reply } = execution
  const leftMs = is.holders.get(token)
  const wasQueued = was.queue.some((one) => one.token === token)
  switch (reply.kind) {
    case "granted": {
      must(leftMs !== undefined, `${token} is told that it has the lock, and does not have it`)
      must(
        request.kind !== "check" || was.holders.has(token) || wasQueued,
        `${token} took the lock by a check, without being in the queue`,
      )
      must(
        reply.ms <= leftMs,
        `${token} is told that it has ${reply.ms} ms left, and has ${leftMs}`,
      )
      must(
        !is.queue.some((one) => one.token === token) || !passesOn(request),
        `${token} has the lock, and is in the queue`,
      )
      break
    }
    case "queued":
    case "busy": {
      // A late copy of its own try may serve it as the head.
      const isServed = request.kind === "try" && wasQueued
      must(
        leftMs === undefined || isServed,
        `${token} is told that it does not have the lock, and has it`,
      )
      const expectedMs = heldMs(is, terms)
      must(
        isServed || is.isFree || request.kind === "claim" || reply.ms === expectedMs,
        `${token} is told that the lock is held for ${reply.ms} ms, not ${expectedMs}`,
      )
      break
    }
    case "looked": {
      const said = reply.ms === null ? "has" : "does not have"
      must(
        (reply.ms === null) === (leftMs !== undefined),
        `${token} looks, and is told that it ${said} the lock`,
      )
      break
    }
    case "done":
      checkResult(execution, reply.result)
      break
    // Of a steal: see steal-rules.ts.
    case "held":
    case "running":
    case "record":
    case "refused":
  }
}

/** What a release or an extension returns. */
function checkResult({ request, token, was, is }: Execution, result: string): void {
  const isExtension = request.kind === "extend"
  const leftMs = is.holders.get(token)
  if (isExtension) {
    must(
      result !== "renewed" || (leftMs !== undefined && leftMs >= request.ttlMs),
      `${token} is told that its hold was extended, and it was not`,
    )
  } else {
    // A late copy of its own enqueue may stand in the queue, and is served like any other waiter.
    const isInQueue = was.queue.some((one) => one.token === token)
    must(leftMs === undefined || isInQueue, `${token} has released the lock, and has it`)
  }
  const expected = expectedResult(was, token, isExtension)
  // In its last millisecond a shared hold has ended, and its key still tells that there was one.
  const isLast = was.limit !== undefined && was.holders.size === 0
  must(
    (isLast && result === "released") || result === expected,
    `${token} is told "${result}" instead of "${expected}"`,
  )
}

function expectedResult(
  { holders, isFree, limit, stolen }: LockView,
  token: string,
  isExtension: boolean,
): string {
  if (holders.has(token)) return isExtension ? "renewed" : "released"
  if (isExtension && stolen.includes(token)) return "stolen"
  return isFree || limit !== undefined ? "gone" : "taken"
}

/** For how long the lock is held, as a waiter learns it: one that may share it waits for the first hold to end. */
function heldMs({ limit, holders }: LockView, terms: Terms): number {
  // The last one ends in this millisecond.
  if (holders.size === 0) return 0
  const ends = limit !== undefined && terms.limit === limit ? Math.min : Math.max
  const ms = ends(...holders.values())
  return ms === Infinity ? -1 : ms
}
