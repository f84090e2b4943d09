// The invariants of docs/scripts.md, as rules for every script that is executed and for every state.
import { createHash } from "node:crypto"
import { type Keyspaces, pairsOf, type Run } from "../keyspaces.js"
import { must } from "../world.js"
import { channelOf } from "./channels.js"
import { KEYS, mayClaim, tokenOf } from "./server.js"
import type { LockState, Reply, Request, Terms } from "./state.js"

const [LOCK = "", QUEUE = "", SEEN = "", , HOLDERS = "", STOLEN = ""] = KEYS
/** The longest life of the queue and of its heartbeats. */
const QUEUE_LIFE_MS = 30_000
/** After this time without a sign of life a waiter is skipped; or counts as dead for a check, if its channel has no listener. */
const SKIPPED_MS = 30_000
const DEAD_MS = 5_000

interface Waiting {
  readonly token: string
  readonly channel: string
  readonly leaseMs: number
  readonly ticket: string
}

/** The lock as a database has it. */
export interface LockView {
  readonly isFree: boolean
  readonly isFlagged: boolean
  /** Undefined while it is exclusive. */
  readonly limit: number | undefined
  /** The time that each holder has left. */
  readonly holders: ReadonlyMap<string, number>
  readonly queue: readonly Waiting[]
}

export class LockRules {
  readonly #keyspaces: Keyspaces
  readonly #terms: readonly Terms[]
  readonly #views = new Map<number, LockView>()

  constructor(keyspaces: Keyspaces, terms: readonly Terms[]) {
    this.#keyspaces = keyspaces
    this.#terms = terms
  }

  readonly columns = ["the lock", "its queue"]

  isFree(db: number): boolean {
    return this.viewOf(db).isFree
  }

  show(db: number): string[] {
    const { isFree, isFlagged, holders, queue } = this.viewOf(db)
    const holding = [...holders].map(([token, ms]) => `${token} ${ms} ms`).join(", ")
    const lock = isFree ? "free" : `${holding}${isFlagged ? " +" : ""}`
    return [lock, queue.map(({ token }) => token).join(" ")]
  }

  viewOf(db: number): LockView {
    let view = this.#views.get(db)
    if (!view) this.#views.set(db, (view = this.#read(db)))
    return view
  }

  /** Checks one execution of a script. @param before the database before it */
  checkRun(state: LockState, sent: Request, before: number, run: Run, reply: Reply): void {
    const terms = this.#terms[sent.caller]
    if (!terms) return
    const token = tokenOf(terms)
    const was = this.viewOf(before)
    const isClaim = was.isFree && mayClaim(sent, terms)
    const request = isClaim ? { ...sent, kind: "claim" as const } : sent
    const is = this.viewOf(run.after)
    this.#checkLives(run.after)
    if (request.kind !== "enqueue") {
      const entered = is.queue.find((one) => !was.queue.some((other) => other.token === one.token))
      must(!entered, `${request.kind} inserted ${entered?.token ?? ""} into the queue`)
    }
    const ends = request.kind === "release" || request.kind === "leave"
    for (const [holder, leftMs] of is.holders) {
      // A late copy of its own enqueue may stand in the queue: then a release ends its hold, and begins that one's.
      const beforeMs = ends && holder === token ? undefined : was.holders.get(holder)
      if (beforeMs !== undefined)
        must(leftMs >= beforeMs, `the hold of ${holder} was shortened by ${beforeMs - leftMs} ms`)
    }
    const wasInOrder = was.queue.length === 0 || was.isFlagged || was.isFree
    const isHolders = was.holders.has(token)
    if (
      wasInOrder &&
      passesOn(request) &&
      !(isHolders && request.kind !== "release" && request.kind !== "leave")
    ) {
      must(!is.isFree || is.queue.length === 0, "the lock is free, and has waiters")
      must(is.queue.length === 0 || is.isFlagged, "the lock has waiters, and is not flagged")
      this.#checkPlaces(is)
    }
    if (is.limit !== undefined)
      must(
        is.holders.size <= is.limit,
        `${is.holders.size} holders share the lock, at most ${is.limit}`,
      )
    this.#checkQueue(state, request, token, was, is, before, run)
    this.#checkDead(state, request, token, was, is, before)
    this.#checkSharedLife(is, run.after)
    if (request.kind === "steal" && reply.kind === "granted")
      this.#checkSteal(request, token, was, is, run)
    this.#checkTurns(state, request, token, was, is, run)
    this.#checkReply(request, terms, was, is, reply)
    if (reply.kind === "done") this.#checkResult(request, token, was, before, reply.result)
    if (request.kind === "leave") {
      must(!is.queue.some((one) => one.token === token), `${token} has left, and is in the queue`)
      const seen = this.#keyspaces.key(run.after, SEEN)
      must(
        !seen || !pairsOf(seen.value).some(([name]) => name === token),
        `${token} has left, and has a heartbeat`,
      )
    }
  }

  /** Checks a state. */
  checkState(state: LockState): void {
    const view = this.viewOf(state.db)
    const believers = state.callers.flatMap((caller, i) => {
      const terms = this.#terms[i]
      return caller.phase === "holding" && caller.validMs > 0 && terms ? [{ caller, terms }] : []
    })
    const stolen = this.#keyspaces.key(state.db, STOLEN)?.value ?? []
    const sure = believers.filter(({ terms }) => !stolen.includes(tokenOf(terms)))
    for (const { caller, terms } of sure) {
      const leftMs = view.holders.get(tokenOf(terms))
      must(
        leftMs !== undefined,
        `${terms.name} believes that it holds the lock, and the database does not know`,
      )
      must(
        caller.validMs <= leftMs,
        `${terms.name} trusts its hold for longer than the database keeps it`,
      )
    }
    const exclusive = sure.find(({ terms }) => terms.limit === undefined)
    const [first] = sure
    must(
      !exclusive || sure.length === 1,
      `${sure.map(({ terms }) => terms.name).join(" and ")} hold the lock at once`,
    )
    const limit = first?.terms.limit
    must(limit === undefined || sure.length <= limit, `${sure.length} hold ${limit ?? 0} permits`)
  }

  #read(db: number): LockView {
    const lock = this.#keyspaces.key(db, LOCK)
    const text = lock?.value[0] ?? ""
    const isFlagged = text.endsWith("+")
    const value = isFlagged ? text.slice(0, -1) : text
    const waiters = pairsOf(this.#keyspaces.key(db, QUEUE)?.value ?? [])
    const queue = waiters.map(([entry, ticket]) => {
      const [token = "", channel = "", lease] = entry.split(" ")
      return { token, channel, leaseMs: Number(lease), ticket }
    })
    const shared = /^fl_#(\d+)#/.exec(value)
    const holders = new Map<string, number>()
    if (shared) {
      for (const [token, ends] of pairsOf(this.#keyspaces.key(db, HOLDERS)?.value ?? [])) {
        const leftMs = Number(ends.slice(1, -1))
        if (leftMs > 0) holders.set(token, leftMs)
      }
    } else if (lock) {
      holders.set(value, lock.leftMs ?? Infinity)
    }
    const limit = shared ? Number(shared[1]) || Infinity : undefined
    return { isFree: !lock, isFlagged, limit, holders, queue }
  }

  #checkLives(db: number): void {
    const longestTtl = Math.max(...this.#terms.map(({ ttlMs }) => ttlMs))
    for (const { key, leftMs } of this.#keyspaces.keysOf(db)) {
      must(leftMs !== undefined, `${key} never expires`)
      const longest =
        key === LOCK || key === HOLDERS || key === STOLEN
          ? longestTtl
          : key === QUEUE || key === SEEN
            ? QUEUE_LIFE_MS
            : Infinity
      must(leftMs <= longest, `${key} lives for ${leftMs} ms`)
    }
  }

  /** While the lock is shared and has waiters, the first one does not fit in. */
  #checkPlaces({ limit, holders, queue }: LockView): void {
    const [head] = queue
    const terms = this.#terms.find((one) => tokenOf(one) === head?.token)
    if (limit === undefined || terms?.limit !== limit) return
    must(holders.size >= limit, `${terms.name} waits, although there is room`)
  }

  /** First come, first served; and each one is notified. */
  #checkTurns(
    state: LockState,
    request: Request,
    token: string,
    was: LockView,
    is: LockView,
    run: Run,
  ): void {
    const places = was.queue.map((one) => one.token)
    const granted = [...is.holders.keys()].filter(
      (holder) => !was.holders.has(holder) && places.includes(holder),
    )
    const isOwnTake = request.kind === "claim" || request.kind === "steal"
    for (const holder of granted) {
      if (isOwnTake && holder === token) continue
      const overtaken = places
        .slice(0, places.indexOf(holder))
        .filter((one) => is.queue.some((other) => other.token === one))
      must(overtaken.length === 0, `${holder} has overtaken ${overtaken.join(", ")}`)
      const channel = was.queue.find((one) => one.token === holder)?.channel ?? "-"
      const isNotified = run.published.some(
        ([to, text]) => to === channel && text.startsWith("granted "),
      )
      must(
        holder === token || channel === "-" || isNotified,
        `${holder} was granted the lock, and is not notified`,
      )
    }
    if (request.kind === "steal" && is.holders.has(token)) {
      for (const holder of was.holders.keys()) this.#checkStolen(state, holder, token, run)
    }
    for (const [to, text] of run.published) {
      if (!text.startsWith("granted ")) continue
      const owner = this.#terms.find((terms) => channelOf(terms) === to)
      must(
        owner && is.holders.has(tokenOf(owner)),
        `"${text}" was sent on ${to}, whose caller does not hold the lock`,
      )
    }
    this.#checkNext(state, granted.length > 0 && passesOn(request), token, is, run)
  }

  /**
   * The new head is notified that it is next, unless the reply says so; if it does not listen, so is the first waiter that
   * does.
   */
  #checkNext(
    state: LockState,
    hasChanged: boolean,
    token: string,
    { queue }: LockView,
    run: Run,
  ): void {
    const [head] = queue
    if (!head || !hasChanged || head.channel === "-" || head.token === token) return
    // "next 0" is for one that was removed as dead.
    const notified = run.published.flatMap(([to, text]) =>
      text.startsWith("next ") && text !== "next 0" ? [to] : [],
    )
    const listening = queue.find(({ channel }) => this.#isHeard(state, channel))
    const expected = new Set([head.channel, ...(listening ? [listening.channel] : [])])
    const missed = [...expected].find((channel) => !notified.includes(channel))
    must(missed === undefined, `the waiter on ${missed ?? ""} is next, and is not notified`)
    const idle = notified.find((channel) => !expected.has(channel))
    must(idle === undefined, `the waiter on ${idle ?? ""} is not next, and is notified`)
  }

  /** A waiter keeps its ticket, and leaves the queue only by its own call, by a grant, or as dead. */
  #checkQueue(
    state: LockState,
    request: Request,
    token: string,
    was: LockView,
    is: LockView,
    before: number,
    run: Run,
  ): void {
    const heartbeats = pairsOf(this.#keyspaces.key(run.after, SEEN)?.value ?? []).map(
      ([name]) => name,
    )
    for (const waiter of was.queue) {
      const now = is.queue.find((one) => one.token === waiter.token)
      must(!now || now.ticket === waiter.ticket, `the ticket of ${waiter.token} has changed`)
      const isOwn = waiter.token === token
      if (now || isOwn || request.kind === "claim") continue
      // That of a new waiter is not read, and so not deleted: it may be of an earlier entry.
      must(
        isYoung(waiter) || !heartbeats.includes(waiter.token),
        `${waiter.token} has left the queue, and has a heartbeat`,
      )
      const leftMs = is.holders.get(waiter.token)
      const signMs = this.#signMs(before, waiter)
      if (leftMs !== undefined) {
        must(leftMs <= waiter.leaseMs, `${waiter.token} was granted more than its lease`)
        must(
          signMs <= SKIPPED_MS,
          `${waiter.token} was granted the lock ${signMs} ms after a sign of life`,
        )
      } else if (signMs <= SKIPPED_MS)
        this.#checkRemoval(state, request, token, was, waiter, signMs, run)
    }
  }

  /** A waiter may be removed as dead by the check of one behind it, if listeners are counted for that one. */
  #checkRemoval(
    state: LockState,
    { kind }: Request,
    token: string,
    { queue }: LockView,
    waiter: Waiting,
    signMs: number,
    run: Run,
  ): void {
    const { channel } = waiter
    const caller = queue.find((one) => one.token === token)
    must(kind === "check", `${waiter.token} was removed by ${kind}`)
    must(caller, `${waiter.token} was removed by ${token}, which is not in the queue`)
    must(
      queue.indexOf(caller) > queue.indexOf(waiter),
      `${waiter.token} was removed by ${token}, which is before it`,
    )
    must(
      this.#isHeard(state, caller.channel),
      `${waiter.token} was removed as dead by ${token}, which does not listen itself`,
    )
    must(!this.#isHeard(state, channel), `${waiter.token} listens, and was removed as dead`)
    must(signMs > DEAD_MS, `${waiter.token} was removed as dead ${signMs} ms after a sign of life`)
    const isNotified = run.published.some(([to, text]) => to === channel && text === "next 0")
    must(isNotified, `${waiter.token} was removed as dead, and is not notified`)
  }

  /** If somebody can be served, a check by a waiter that listens leaves no dead one before it. */
  #checkDead(
    state: LockState,
    { kind }: Request,
    token: string,
    was: LockView,
    is: LockView,
    before: number,
  ): void {
    const place = was.queue.findIndex((one) => one.token === token)
    const caller = was.queue[place]
    if (kind !== "check" || !caller || was.holders.has(token)) return
    const hasRoom = was.limit !== undefined && was.holders.size < was.limit
    if (!(was.isFree || hasRoom) || !this.#isHeard(state, caller.channel)) return
    for (const waiter of was.queue.slice(0, place)) {
      const isDead = !this.#isHeard(state, waiter.channel) && this.#signMs(before, waiter) > DEAD_MS
      const isLeft =
        is.holders.has(waiter.token) || is.queue.some((one) => one.token === waiter.token)
      must(!isDead || !isLeft, `${waiter.token} is dead, and ${token} waits for it`)
    }
  }

  /** How long ago a waiter came, or checked. */
  #signMs(db: number, { token, ticket }: Waiting): number {
    const heartbeats = pairsOf(this.#keyspaces.key(db, SEEN)?.value ?? [])
    const checked = heartbeats.find(([name]) => name === token)?.[1]
    return Math.min(agoMs(ticket), checked === undefined ? Infinity : agoMs(checked))
  }

  /** The keys of shared holds live as long as the last of them. */
  #checkSharedLife({ limit, holders }: LockView, db: number): void {
    if (limit === undefined || holders.size === 0) return
    const lastMs = Math.max(...holders.values())
    for (const name of [LOCK, HOLDERS]) {
      const leftMs = this.#keyspaces.key(db, name)?.leftMs
      must(leftMs === lastMs, `${name} lives for ${leftMs ?? 0} ms, its last hold for ${lastMs} ms`)
    }
  }

  /** A steal takes exactly the hold that it found, and all of it. */
  #checkSteal({ found }: Request, token: string, was: LockView, is: LockView, run: Run): void {
    const [holder] = was.holders.keys()
    const isOurs = holder === undefined || holder === token
    const isFound = isOurs || was.limit !== undefined || found === digestOf(holder)
    must(isFound, `the lock was stolen from ${holder ?? ""}, which the steal did not find`)
    must(
      was.limit === undefined || !this.#keyspaces.key(run.after, HOLDERS),
      "holds that were stolen from are still listed",
    )
    must(is.queue.length === 0 || is.isFlagged, "the stolen lock has waiters, and is not flagged")
  }

  #isHeard({ callers }: LockState, channel: string): boolean {
    return this.#terms.some((terms, i) => channelOf(terms) === channel && callers[i]?.isHeard)
  }

  #checkStolen({ db }: LockState, holder: string, newHolder: string, run: Run): void {
    if (holder === newHolder) return
    must(
      this.#keyspaces.key(db, STOLEN)?.value.includes(holder),
      `${holder} was stolen from, and that is not recorded`,
    )
    const owner = this.#terms.find((terms) => tokenOf(terms) === holder)
    if (!owner?.watches) return
    const isNotified = run.published.some(
      ([to, text]) => to === channelOf(owner) && text === "stolen",
    )
    must(isNotified, `${holder} watches, and is not notified`)
  }

  #checkReply(request: Request, terms: Terms, was: LockView, is: LockView, reply: Reply): void {
    const token = tokenOf(terms)
    const leftMs = is.holders.get(token)
    if (reply.kind === "granted") {
      must(leftMs !== undefined, `${token} is told that it has the lock, and does not have it`)
      const isEntitled =
        request.kind !== "check" ||
        was.holders.has(token) ||
        was.queue.some((one) => one.token === token)
      must(isEntitled, `${token} took the lock by a check, without being in the queue`)
      must(
        reply.ms <= leftMs,
        `${token} is told that it has ${reply.ms} ms left, and has ${leftMs}`,
      )
      must(
        !is.queue.some((one) => one.token === token) || !passesOn(request),
        `${token} has the lock, and is in the queue`,
      )
    } else if (reply.kind === "queued" || reply.kind === "busy") {
      // A late copy of its own try may serve it as the head.
      const isServed = request.kind === "try" && was.queue.some((one) => one.token === token)
      must(
        leftMs === undefined || isServed,
        `${token} is told that it does not have the lock, and has it`,
      )
      const expectedMs = heldMs(is, terms)
      must(
        isServed || is.isFree || request.kind === "claim" || reply.ms === expectedMs,
        `${token} is told that the lock is held for ${reply.ms} ms, not ${expectedMs}`,
      )
    } else if (reply.kind === "looked") {
      must(
        (reply.ms === null) === (leftMs !== undefined),
        `${token} looks, and is told ${reply.ms === null ? "that it has the lock" : "that it does not have the lock"}`,
      )
    } else if (reply.kind === "held") {
      const [holder = ""] = was.holders.keys()
      must(
        reply.found !== request.found || was.limit !== undefined,
        `${token} is told to steal from ${holder} again`,
      )
      must(
        was.limit !== undefined || request.found !== digestOf(holder),
        `${token} has found the hold of ${holder}, and may not steal it`,
      )
    } else if (reply.kind === "done" && request.kind !== "extend") {
      // A late copy of its own enqueue may stand in the queue, and is served like any other waiter.
      const isInQueue = was.queue.some((one) => one.token === token)
      must(leftMs === undefined || isInQueue, `${token} has released the lock, and has it`)
      must(
        !was.holders.has(token) || reply.result === "released",
        `${token} had the lock, and is told "${reply.result}"`,
      )
    } else if (reply.kind === "done" && reply.result === "renewed") {
      must(
        leftMs !== undefined && leftMs >= request.ttlMs,
        `${token} is told that its hold was extended, and it was not`,
      )
    }
  }

  /** What a release or an extension returns. */
  #checkResult(
    { kind }: Request,
    token: string,
    { holders, isFree, limit }: LockView,
    before: number,
    result: string,
  ): void {
    const isStolen = this.#keyspaces.key(before, STOLEN)?.value.includes(token)
    const others = isFree || limit !== undefined ? "gone" : "taken"
    const expected = holders.has(token)
      ? kind === "extend"
        ? "renewed"
        : "released"
      : kind === "extend" && isStolen
        ? "stolen"
        : others
    must(result === expected, `${token} is told "${result}" instead of "${expected}"`)
  }
}

/** For how long the lock is held, as a waiter learns it: one that may share it waits for the first hold to end. */
function heldMs({ limit, holders }: LockView, terms: Terms): number {
  // The last one ends in this millisecond.
  if (holders.size === 0) return 0
  const ends = limit !== undefined && terms.limit === limit ? Math.min : Math.max
  const ms = ends(...holders.values())
  return ms === Infinity ? -1 : ms
}

/** As steal.lua identifies a hold. */
function digestOf(holder: string): string {
  return createHash("sha1").update(holder).digest("hex")
}

/** Whether a waiter came less than 5 s ago: then it does not count as dead. */
function isYoung({ ticket }: Waiting): boolean {
  return agoMs(ticket) < 5_000
}

function agoMs(ticket: string): number {
  return -Number(ticket.slice(1, -1)) / 1_000
}

/** Whether the script may hand the lock on. */
function passesOn({ kind }: Request): boolean {
  return (
    kind === "enqueue" ||
    kind === "check" ||
    kind === "release" ||
    kind === "leave" ||
    kind === "try"
  )
}
