// The queue after each script that is executed: its order, its messages, and which waiters may count as dead.
import { must } from "../world.js"
import { channelOf } from "./channels.js"
import { type Execution, type LockView, passesOn, type Waiting } from "./lock-view.js"
import { tokenOf } from "./server.js"
import type { Terms } from "./state.js"

/** After this time without a sign of life a waiter is skipped; or counts as dead for a check, if its channel has no listener. */
const SKIPPED_MS = 30_000
const DEAD_MS = 5_000

export function checkQueue(execution: Execution, all: readonly Terms[]): void {
  const { request, token, was, is } = execution
  if (request.kind !== "enqueue") {
    const entered = is.queue.find((one) => !isIn(was, one.token))
    must(!entered, `${request.kind} inserted ${entered?.token ?? ""} into the queue`)
  }
  for (const waiter of was.queue) checkWaiter(execution, waiter)
  checkNoneIsDead(execution)
  const isHolders = was.holders.has(token)
  const ends = request.kind === "release" || request.kind === "leave"
  const wasInOrder = was.queue.length === 0 || was.isFlagged || was.isFree
  if (wasInOrder && passesOn(request) && (ends || !isHolders)) {
    must(!is.isFree || is.queue.length === 0, "the lock is free, and has waiters")
    must(is.queue.length === 0 || is.isFlagged, "the lock has waiters, and is not flagged")
    checkPlaces(is, all)
  }
  checkTurns(execution, all)
  if (request.kind !== "leave") return
  must(!isIn(is, token), `${token} has left, and is in the queue`)
  must(!is.heartbeats.includes(token), `${token} has left, and has a heartbeat`)
}

/** A waiter keeps its ticket, and leaves the queue only by its own call, by a grant, or as dead. */
function checkWaiter(execution: Execution, waiter: Waiting): void {
  const { request, token, is } = execution
  const now = is.queue.find((one) => one.token === waiter.token)
  must(!now || now.ticket === waiter.ticket, `the ticket of ${waiter.token} has changed`)
  if (now || waiter.token === token || request.kind === "claim") return
  // That of a new waiter is not read, and so not deleted: it may be of an earlier entry.
  must(
    waiter.ageMs < DEAD_MS || !is.heartbeats.includes(waiter.token),
    `${waiter.token} has left the queue, and has a heartbeat`,
  )
  const leftMs = is.holders.get(waiter.token)
  if (leftMs !== undefined) {
    must(leftMs <= waiter.leaseMs, `${waiter.token} was granted more than its lease`)
    must(
      waiter.signMs <= SKIPPED_MS,
      `${waiter.token} was granted the lock ${waiter.signMs} ms after a sign of life`,
    )
  } else if (waiter.signMs <= SKIPPED_MS) checkRemoval(execution, waiter)
}

/** A waiter may be removed as dead by the check of one behind it, if listeners are counted for that one. */
function checkRemoval(
  { request, token, was, published, isHeard }: Execution,
  waiter: Waiting,
): void {
  const { channel, signMs } = waiter
  const caller = was.queue.find((one) => one.token === token)
  must(request.kind === "check", `${waiter.token} was removed by ${request.kind}`)
  must(caller, `${waiter.token} was removed by ${token}, which is not in the queue`)
  must(
    was.queue.indexOf(caller) > was.queue.indexOf(waiter),
    `${waiter.token} was removed by ${token}, which is before it`,
  )
  must(
    isHeard(caller.channel),
    `${waiter.token} was removed as dead by ${token}, which does not listen itself`,
  )
  must(!isHeard(channel), `${waiter.token} listens, and was removed as dead`)
  must(signMs > DEAD_MS, `${waiter.token} was removed as dead ${signMs} ms after a sign of life`)
  const isNotified = published.some(([to, text]) => to === channel && text === "next 0")
  must(isNotified, `${waiter.token} was removed as dead, and is not notified`)
}

/** If somebody can be served, a check by a waiter that listens leaves no dead one before it. */
function checkNoneIsDead({ request, token, was, is, isHeard }: Execution): void {
  const place = was.queue.findIndex((one) => one.token === token)
  const caller = was.queue[place]
  if (request.kind !== "check" || !caller || was.holders.has(token)) return
  const hasRoom = was.limit !== undefined && was.holders.size < was.limit
  if (!(was.isFree || hasRoom) || !isHeard(caller.channel)) return
  for (const { token: other, channel, signMs } of was.queue.slice(0, place)) {
    const isDead = !isHeard(channel) && signMs > DEAD_MS
    must(
      !isDead || !(is.holders.has(other) || isIn(is, other)),
      `${other} is dead, and ${token} waits for it`,
    )
  }
}

/** While the lock is shared and has waiters, the first one does not fit in. */
function checkPlaces({ limit, holders, queue }: LockView, all: readonly Terms[]): void {
  const [head] = queue
  const terms = all.find((one) => tokenOf(one) === head?.token)
  if (limit === undefined || terms?.limit !== limit) return
  must(holders.size >= limit, `${terms.name} waits, although there is room`)
}

/** First come, first served; and each one is notified. */
function checkTurns(execution: Execution, all: readonly Terms[]): void {
  const { request, token, was, is, published } = execution
  const places = was.queue.map((one) => one.token)
  const granted = [...is.holders.keys()].filter(
    (holder) => !was.holders.has(holder) && places.includes(holder),
  )
  const isOwnTake = request.kind === "claim" || request.kind === "steal"
  for (const holder of granted) {
    if (isOwnTake && holder === token) continue
    const overtaken = places.slice(0, places.indexOf(holder)).filter((one) => isIn(is, one))
    must(overtaken.length === 0, `${holder} has overtaken ${overtaken.join(", ")}`)
    const channel = was.queue.find((one) => one.token === holder)?.channel ?? "-"
    const isNotified = published.some(([to, text]) => to === channel && text.startsWith("granted "))
    must(
      holder === token || channel === "-" || isNotified,
      `${holder} was granted the lock, and is not notified`,
    )
  }
  for (const [to, text] of published) {
    if (!text.startsWith("granted ")) continue
    const owner = all.find((terms) => channelOf(terms) === to)
    must(
      owner && is.holders.has(tokenOf(owner)),
      `"${text}" was sent on ${to}, whose caller does not hold the lock`,
    )
  }
  if (granted.length > 0 && passesOn(request)) checkNext(execution)
}

/**
 * The new head is notified that it is next, unless the reply says so; if it does not listen, so is the first waiter that
 * does.
 */
function checkNext({ token, is, published, isHeard }: Execution): void {
  const [head] = is.queue
  if (!head || head.channel === "-" || head.token === token) return
  // "next 0" is for one that was removed as dead.
  const notified = published.flatMap(([to, text]) =>
    text.startsWith("next ") && text !== "next 0" ? [to] : [],
  )
  const listening = is.queue.find(({ channel }) => isHeard(channel))
  const expected = new Set([head.channel, ...(listening ? [listening.channel] : [])])
  const missed = [...expected].find((channel) => !notified.includes(channel))
  must(missed === undefined, `the waiter on ${missed ?? ""} is next, and is not notified`)
  const idle = notified.find((channel) => !expected.has(channel))
  must(idle === undefined, `the waiter on ${idle ?? ""} is not next, and is notified`)
}

function isIn({ queue }: LockView, token: string): boolean {
  return queue.some((one) => one.token === token)
}
