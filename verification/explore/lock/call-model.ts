// A model of one call, from its first request to its last: the parts that calls for a lock and calls of `once` share. A test plays its
// schedules with the library itself (test/verification/explore/conformance.test.ts).
import { MAX_TRIES } from "../../../src/redis/retry.js"
import { backoffMs } from "../../../src/time/backoff.js"
import { deadlineMs } from "../../../src/time/validity.js"
import type { Caller, Kind, LockState, Message, Reply, Request, Role, Terms } from "./state.js"

/** The longest that one request may take: the manager's `timeout`. */
export const TIMEOUT_MS = 1_000
/** As in attempts.ts. */
const LONGEST_OUTAGE_MS = 30_000

/** One caller of a state, which the methods change. */
export abstract class CallModel {
  protected readonly state: LockState
  protected readonly index: number
  protected readonly caller: Caller
  protected readonly terms: Terms

  constructor(state: LockState, index: number, terms: Terms) {
    const caller = state.callers[index]
    if (!caller) throw new Error(`there is no caller ${index}`)
    this.state = state
    this.index = index
    this.caller = caller
    this.terms = terms
  }

  /** The call begins. */
  abstract start(): void
  /** The holder has finished its work. */
  abstract release(): void
  /** A request of the call itself has a reply, before the call is over. */
  protected abstract receiveOwn(request: Request, reply: Reply): void
  /** A request of the call itself failed, in a way that its kind has of its own; false if it is to be repeated as usual. */
  protected abstract failInItsWay(kind: Kind): boolean
  /** A pause of the call is over that is not one between two tries. */
  protected abstract wake(): void
  /** A message arrives while the call waits. */
  protected abstract notice(message: Message): void
  /** The request that gives everything back. */
  protected abstract withdrawalKind(): Kind
  /** Whether the call may have anything to give back. */
  protected abstract hasToWithdraw(): boolean
  /** The request that extends the hold. */
  protected abstract readonly extension: Kind
  /** How often it is sent to clean up. */
  protected abstract readonly cleanUpTries: number
  /** Whether the failure of such a request is ridden out. */
  protected abstract isQueued(kind: Kind): boolean

  /** A reply arrives. */
  receive(request: Request, reply: Reply): void {
    switch (request.role) {
      case "main":
        this.#receiveMain(request, reply)
        break
      case "stream":
        this.#receiveNews(request, reply)
        break
      case "renewal":
      case "watch":
        this.#receiveRenewal(request, reply)
        break
      case "clean-up":
        this.#endWithdrawal()
        break
      case "unsettled":
        this.#settle()
        break
      case "withdrawal":
      case "nobody":
    }
    this.tidy()
  }

  /**
   * The outcome of a request is unknown: its connection broke, or its deadline has passed.
   *
   * @param role whose request it was until then
   */
  fail(request: Request, role: Role): void {
    switch (role) {
      case "main":
        this.#failMain(request)
        break
      case "stream":
        this.#failNews(request)
        break
      case "renewal":
        this.#failRenewal()
        break
      case "clean-up":
        this.#failWithdrawal()
        break
      case "unsettled":
        this.#settle()
        break
      case "watch":
      case "withdrawal":
      case "nobody":
    }
    this.tidy()
  }

  /** A message of its stream arrives. */
  hear(message: Message): void {
    const { caller } = this
    if (caller.phase === "holding") {
      if (message.kind === "stolen") this.lose("stolen")
      else if (message.kind === "end") caller.stream = "closed"
      else if (message.kind === "opened") this.#beginWatch()
    } else if (caller.phase === "waiting") {
      this.notice(message)
    } else {
      caller.inbox.push(message)
    }
    this.tidy()
  }

  /** Its signal aborts. */
  abort(): void {
    this.end("aborted")
    this.tidy()
  }

  /** Does what is due by its timers. */
  tick(): void {
    const { caller } = this
    if (caller.phase === "holding" && caller.validMs <= 0) this.lose("expired")
    if (caller.timerMs !== null && caller.timerMs <= 0) {
      caller.timerMs = null
      if (caller.phase === "pausing") this.#askAgain()
      else if (caller.phase === "waiting") this.wake()
    }
    const { renewal, cleanUp } = caller
    if (renewal && renewal.timerMs !== null && renewal.timerMs <= 0) {
      renewal.timerMs = null
      this.#renew()
    }
    if (cleanUp && cleanUp.timerMs !== null && cleanUp.timerMs <= 0) {
      cleanUp.timerMs = null
      this.#withdrawOnce("clean-up")
    }
    this.tidy()
  }

  // The requests of the call: see attempts.ts.

  protected ask(kind: Kind): void {
    const { caller } = this
    caller.kind = kind
    caller.failures = 0
    caller.budgetMs = Math.max(0, caller.waitMs) + TIMEOUT_MS
    caller.outageMs = LONGEST_OUTAGE_MS
    this.#askAgain()
  }

  #askAgain(): void {
    const { caller } = this
    caller.phase = "asking"
    const longest = Math.min(TIMEOUT_MS, this.terms.ttlMs)
    this.send(caller.kind, "main", deadlineMs(longest, caller.budgetMs))
  }

  protected send(kind: Kind, role: Role, withinMs: number): void {
    const { caller, terms } = this
    const isInQueue = ["enqueue", "check", "leave"].includes(kind)
    const isExtension = kind === "extend" || kind === "once-extend"
    this.state.requests.push({
      caller: this.index,
      kind,
      role,
      ticket:
        kind === "enqueue" || kind === "check" || kind === "once-claim" ? caller.ticket : null,
      channel: isInQueue ? (caller.channel ?? "") : "",
      leaseMs: isInQueue ? caller.leaseMs : 0,
      found: kind === "steal" ? caller.found : "",
      isGivenUp: kind === "once-settle" && role !== "main",
      ttlMs: isExtension ? (role === "watch" && !terms.renews ? 1 : terms.ttlMs) : 0,
      atMs: 0,
      deadlineMs: Math.trunc(withinMs),
      reply: null,
    })
  }

  #failMain({ kind }: Request): void {
    const { caller } = this
    if (this.failInItsWay(kind)) return
    caller.mayHaveTaken = true
    if (caller.phase === "over") {
      // It aborted while this request was under way.
      this.#beginCleanUp()
      return
    }
    caller.failures++
    const pause = backoffMs(caller.failures)
    const ridesOut = this.terms.waitMs > 0 && this.isQueued(kind)
    const isTooMany = ridesOut ? caller.outageMs <= 0 : caller.failures >= MAX_TRIES
    if (isTooMany || pause >= caller.budgetMs) {
      this.end("failed")
      return
    }
    caller.phase = "pausing"
    caller.timerMs = Math.trunc(pause)
  }

  #receiveMain(request: Request, reply: Reply): void {
    const { caller } = this
    const isGrant = reply.kind === "granted"
    // A grant that comes too late is an unknown outcome.
    if (isGrant && caller.phase !== "over" && this.validMsOf(request, reply) <= 0) {
      this.#failMain(request)
      return
    }
    caller.isEntered ||= reply.kind === "queued"
    if (caller.phase !== "over") {
      this.receiveOwn(request, reply)
      return
    }
    if (isGrant) caller.mayHaveTaken = true
    if (request.kind !== "listen") this.#beginCleanUp()
  }

  /** How long the hold of a grant is valid. */
  protected validMsOf({ atMs }: Request, { ms }: { readonly ms: number }): number {
    return validUntil(atMs, Math.min(ms, this.terms.ttlMs))
  }

  // The hold: see lock.ts and hold-monitor.ts.

  protected hold(validMs: number, isLease: boolean, fence: number | null): void {
    const { caller } = this
    caller.phase = "holding"
    caller.validMs = validMs
    caller.isLease = isLease
    caller.fence = fence
    const { ttlMs, renews, watches } = this.terms
    const isWatched = watches && caller.stream !== "closed"
    if (!isWatched) this.closeStream()
    const { inbox } = caller
    caller.inbox = []
    if (renews || isLease) {
      caller.renewal = { failures: 0, timerMs: null, isDue: isLease }
      if (isLease) this.#renew()
      else caller.renewal.timerMs = Math.trunc(Math.max(0, validMs - (ttlMs * 2) / 3))
    }
    if (isWatched) for (const message of inbox) this.hear(message)
    else if (watches) this.send("listen", "watch", TIMEOUT_MS)
  }

  #renew(): void {
    const { caller } = this
    const { renewal } = caller
    if (!renewal || caller.phase !== "holding") return
    const { ttlMs } = this.terms
    const dueMs = caller.validMs - (ttlMs * 2) / 3
    if (dueMs > 1 && !renewal.isDue) {
      renewal.failures = 0
      this.#scheduleRenewal(dueMs)
      return
    }
    if (ttlMs <= caller.validMs) return
    this.send(this.extension, "renewal", deadlineMs(TIMEOUT_MS, caller.validMs / 2))
  }

  #scheduleRenewal(dueMs: number): void {
    const { renewal } = this.caller
    if (!renewal) return
    const delay =
      renewal.failures > 0
        ? Math.min(backoffMs(renewal.failures), this.terms.ttlMs / 10)
        : Math.max(0, dueMs)
    renewal.timerMs = Math.max(1, Math.trunc(delay))
  }

  #receiveRenewal(request: Request, reply: Reply): void {
    const { caller } = this
    if (caller.phase !== "holding") {
      if (request.kind === "listen") this.closeStream()
      return
    }
    if (request.kind === "listen") {
      this.#beginWatch()
      return
    }
    if (reply.kind !== "done") return
    if (reply.result !== "renewed") {
      caller.isConfirmedLost = true
      this.lose(reply.result)
      return
    }
    const { ttlMs, renews } = this.terms
    caller.validMs = Math.max(caller.validMs, validUntil(request.atMs, request.ttlMs))
    const { renewal } = caller
    if (request.role === "watch" || !renewal) return
    renewal.isDue = false
    renewal.failures = 0
    if (renews) this.#scheduleRenewal(caller.validMs - (ttlMs * 2) / 3)
    else caller.renewal = null
  }

  /** A steal before the stream was open is noticed by asking once. */
  #beginWatch(): void {
    const { caller } = this
    caller.stream = "open"
    this.send("extend", "watch", deadlineMs(TIMEOUT_MS, caller.validMs / 2))
  }

  // The stream of a waiter, and its look: see queue-wait.ts.

  /** Whether the stream of the wait is still used. */
  get #isUsed(): boolean {
    const { phase, stream, kind } = this.caller
    if (phase === "holding") return stream === "opening"
    return ["asking", "pausing", "waiting"].includes(phase) && kind !== "release"
  }

  #receiveNews({ kind }: Request, reply: Reply): void {
    if (kind === "look") {
      if (this.#isUsed) this.hear({ kind: "looked", ms: reply.kind === "looked" ? reply.ms : null })
    } else if (this.#isUsed) this.hear({ kind: "opened" })
    else this.closeStream()
  }

  #failNews({ kind }: Request): void {
    if (this.#isUsed) this.hear(kind === "look" ? { kind: "looked", ms: null } : { kind: "end" })
  }

  #failRenewal(): void {
    const { renewal, phase } = this.caller
    if (!renewal || phase !== "holding") return
    renewal.failures++
    this.#scheduleRenewal(0)
  }

  protected lose(reason: string): void {
    const { caller } = this
    caller.phase = "lost"
    caller.outcome = reason
    caller.validMs = 0
    caller.renewal = null
    this.closeStream()
  }

  // The end: see acquisition.ts.

  protected end(outcome: string): void {
    const { caller } = this
    const hadGrant = caller.kind === "release" || caller.kind === "once-settle"
    caller.phase = "over"
    caller.outcome = outcome
    caller.timerMs = null
    caller.queued = null
    caller.inbox = []
    this.closeStream()
    if (hadGrant) {
      if (caller.hasEndedHold)
        for (let i = 0; i < caller.settledMeanwhile; i++) this.#withdrawOnce("withdrawal")
      caller.settledMeanwhile = 0
      return
    }
    const isAsking = this.state.requests.some(
      ({ caller: index, role, kind }) =>
        index === this.index && role === "main" && kind !== "listen",
    )
    // The clean-up is sent after a request that is under way.
    if (!isAsking) this.#beginCleanUp()
  }

  #beginCleanUp(): void {
    const { caller } = this
    if (!this.hasToWithdraw()) return
    caller.cleanUp = {
      triesLeft: this.cleanUpTries,
      tries: 0,
      unsettled: this.#unsettled,
      timerMs: null,
    }
    this.#withdrawOnce("clean-up")
  }

  #withdrawOnce(role: "clean-up" | "withdrawal"): void {
    const { cleanUp } = this.caller
    if (cleanUp && role === "clean-up") cleanUp.tries++
    this.send(this.withdrawalKind(), role, TIMEOUT_MS)
  }

  #failWithdrawal(): void {
    const { cleanUp } = this.caller
    if (!cleanUp) return
    if (cleanUp.tries >= Math.max(1, cleanUp.triesLeft)) this.#endWithdrawal()
    else cleanUp.timerMs = Math.trunc(backoffMs(cleanUp.tries))
  }

  #endWithdrawal(): void {
    const { caller } = this
    const { cleanUp } = caller
    if (!cleanUp) return
    cleanUp.triesLeft -= cleanUp.tries
    cleanUp.tries = 0
    if (cleanUp.unsettled === 0) caller.cleanUp = null
    else if (this.#unsettled < cleanUp.unsettled) this.#cleanUpAgain()
  }

  #cleanUpAgain(): void {
    const { cleanUp } = this.caller
    if (!cleanUp) return
    cleanUp.unsettled = this.#unsettled
    this.#withdrawOnce("clean-up")
  }

  get #unsettled(): number {
    return this.state.requests.filter(
      ({ caller, role }) => caller === this.index && role === "unsettled",
    ).length
  }

  /** A request that was given up has settled. */
  #settle(): void {
    const { caller } = this
    const { phase, kind, cleanUp, hasEndedHold } = caller
    if (kind === "release" || kind === "once-settle") {
      // Requests that were given up are undone, once they have been executed and the hold has ended.
      if (phase !== "over") caller.settledMeanwhile++
      else if (hasEndedHold) this.#withdrawOnce("withdrawal")
    } else if (phase !== "over") return
    else if (cleanUp?.tries === 0 && cleanUp.timerMs === null) this.#cleanUpAgain()
  }

  protected closeStream(): void {
    const { caller } = this
    caller.stream = "closed"
    caller.isHeard = false
    this.state.messages[this.index] = []
  }

  /** Forgets what makes no difference any more, so that equal states are recognized. */
  protected tidy(): void {
    const { caller } = this
    const { phase, kind } = caller
    const isAsking = phase === "asking" || phase === "pausing" || phase === "waiting"
    if (!isAsking || kind === "release" || kind === "once-settle") {
      caller.queued = null
      caller.first = null
      caller.last = null
      caller.repeats = 0
      caller.msPerPlace = null
      caller.outageMs = 0
      caller.waitMs = 0
      caller.found = ""
      caller.ticket = null
      caller.isTakenForDead = false
      caller.isReopened = false
      caller.isEntered = false
    }
    if (phase !== "waiting") {
      caller.known = null
      caller.isPatient = false
    }
    if (caller.stream === "closed" || phase === "holding") caller.streamMs = 0
    if (phase === "waiting") caller.budgetMs = 0
    if (phase === "over") {
      caller.wasHeld = false
      caller.mayBeReleased = false
      caller.isConfirmedLost = false
    }
    if (phase === "holding" || phase === "lost" || phase === "over") {
      caller.failures = 0
      caller.budgetMs = 0
      if (phase !== "holding") caller.fence = null
    }
  }
}

/** When a hold ends whose request was sent then: see `Validity.ofTtl`. */
function validUntil(sentMs: number, ttlMs: number): number {
  return Math.ceil(sentMs + ttlMs - ttlMs / 100 - 2)
}
