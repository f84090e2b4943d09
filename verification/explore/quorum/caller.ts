// A model of one caller of a quorum: its votes, its hold, its release and its withdrawals. A test plays its schedules with the library
// itself (test/verification/explore/quorum-conformance.test.ts).
import { countVotes } from "../../../src/quorum/count-votes.js"
import type { VoteReply as ClientReply } from "../../../src/quorum/vote-reply.js"
import { MAX_TRIES } from "../../../src/redis/retry.js"
import { backoffMs } from "../../../src/time/backoff.js"
import { deadlineMs } from "../../../src/time/validity.js"
import type { ClientRules } from "./client-rules.js"
import {
  type Caller,
  type Kind,
  type Known,
  type KnownVote,
  type NodeState,
  type OtherResult,
  type QuorumState,
  type QuorumTerms,
  type Release,
  type Reply,
  type Request,
  type Retry,
  type Role,
  unknown,
} from "./state.js"

/** The longest that one request may take: the manager's `timeout`. */
export const TIMEOUT_MS = 1_000
/** As in attempts.ts. */
const LONGEST_OUTAGE_MS = 30_000
/** As in acquisition.ts and quorum-node.ts. */
const CLEAN_UP_TRIES = 5
/** As in quorum-store.ts. */
const ATTEMPTS = 5
const ATTEMPTS_IF_HELD = 3
/** As in quorum-nodes.ts. */
const TTL_PART = 10
const SHORTEST_VOTE_MS = 500

/** One caller of a state, which the methods change. */
export class QuorumCaller {
  readonly #state: QuorumState
  readonly #index: number
  readonly #caller: Caller
  readonly #terms: QuorumTerms
  readonly #rules: ClientRules

  constructor(state: QuorumState, index: number, terms: QuorumTerms, rules: ClientRules) {
    const caller = state.callers[index]
    if (!caller) throw new Error(`there is no caller ${index}`)
    this.#state = state
    this.#index = index
    this.#caller = caller
    this.#terms = terms
    this.#rules = rules
  }

  /** The call begins. */
  start(): void {
    this.#caller.waitMs = this.#terms.waitMs
    this.#ask()
    this.#tidy()
  }

  /** The holder has finished its work. */
  release(): void {
    const caller = this.#caller
    caller.wasHeld = caller.phase === "holding"
    caller.phase = "releasing"
    caller.validMs = 0
    caller.fence = null
    caller.renewal = null
    caller.budgetMs = TIMEOUT_MS
    this.#ignore("extend")
    this.#beginRelease("holder")
    this.#tidy()
  }

  /** Its signal aborts. A request that is under way goes on. */
  abort(): void {
    const caller = this.#caller
    caller.isAborted = true
    this.#state.outcomes[this.#index] = "aborted"
    if (caller.phase !== "voting" && caller.phase !== "minting") this.#end("aborted")
    this.#tidy()
  }

  /** A reply arrives. */
  receive(node: NodeState, request: Request, reply: Reply): void {
    switch (request.role) {
      case "main":
        this.#note(node, request.kind, reply)
        break
      case "straggler":
        if (reply.kind === "granted") this.#withdraw(node, request.attempt, false)
        break
      case "tracked":
        this.#settle(node, reply.kind === "granted")
        break
      case "withdrawal":
        if (request.retry?.isTwice) this.#withdraw(node, request.attempt, false)
        break
      case "ignored":
      case "nobody":
    }
    this.#tidy()
  }

  /**
   * A request has failed: its connection broke, or its deadline has passed.
   *
   * @param role what was to become of its reply
   */
  fail(node: NodeState, request: Request, role: Role, isLate: boolean): void {
    const { kind, attempt } = request
    switch (role) {
      case "main":
        this.#noteFailure(node, kind, isLate)
        break
      case "straggler":
        if (kind !== "vote") this.#withdraw(node, attempt, false)
        else if (this.#rules.withdrawsUnknownVotes) this.#withdraw(node, attempt, isLate)
        break
      case "tracked":
        this.#settle(node, true)
        break
      case "withdrawal":
        if (request.retry) this.#repeatWithdrawal(node, attempt, request.retry)
        break
      case "ignored":
      case "nobody":
    }
    this.#tidy()
  }

  /** Does what is due by its timers. */
  tick(): void {
    const caller = this.#caller
    if (caller.phase === "holding" && caller.validMs <= 0) this.#lose("expired")
    if (caller.timerMs !== null && caller.timerMs <= 0) {
      caller.timerMs = null
      this.#wake()
    }
    const { renewal } = caller
    if (renewal && renewal.timerMs !== null && renewal.timerMs <= 0) {
      renewal.timerMs = null
      this.#renew()
    }
    for (const node of this.#state.nodes) {
      const due = node.pausing.filter((one) => one.caller === this.#index && one.timerMs <= 0)
      node.pausing = node.pausing.filter((one) => !due.includes(one))
      for (const { attempt, tries, budgetMs, isTwice } of due)
        this.#sendWithdrawal(node, attempt, { tries: tries + 1, budgetMs, isTwice })
    }
    this.#tidy()
  }

  #wake(): void {
    switch (this.#caller.phase) {
      case "split":
        this.#vote()
        break
      case "pausing":
        this.#try()
        break
      case "waiting":
        this.#ask()
        break
      case "releasing":
      case "over":
        this.#sendRelease()
        break
      case "idle":
      case "voting":
      case "minting":
      case "holding":
      case "lost":
      case "dead":
    }
  }

  // The requests of a call: see attempts.ts and spin.ts.

  #ask(): void {
    const caller = this.#caller
    caller.failures = 0
    caller.budgetMs = Math.max(0, caller.waitMs) + TIMEOUT_MS
    caller.outageMs = LONGEST_OUTAGE_MS
    this.#try()
  }

  #try(): void {
    const caller = this.#caller
    caller.ownBudgetMs = TIMEOUT_MS
    caller.splits = 0
    caller.roundMs = deadlineMs(Math.min(TIMEOUT_MS, this.#terms.ttlMs), caller.budgetMs)
    caller.roundLeftMs = caller.roundMs
    this.#vote()
  }

  #busy(holderTtlMs: number): void {
    const caller = this.#caller
    if (caller.isAborted) {
      this.#end("aborted")
      return
    }
    if (this.#terms.waitMs <= 0 || caller.waitMs <= 0) {
      this.#end("timeout")
      return
    }
    caller.isQueued = true
    caller.refusals++
    caller.phase = "waiting"
    const pause = Math.min(holderTtlMs + 1, backoffMs(caller.refusals))
    caller.timerMs = Math.trunc(Math.max(0, Math.min(caller.waitMs, pause)))
  }

  #fail(outcome: "refused" | "unknown"): void {
    const caller = this.#caller
    if (caller.isAborted) {
      this.#end("aborted")
      return
    }
    // It outlasted its own deadline.
    if (caller.ownBudgetMs < -500) caller.budgetMs = TIMEOUT_MS
    caller.failures++
    const pause = backoffMs(caller.failures)
    const ridesOut = this.#terms.waitMs > 0 && caller.isQueued
    const isTooMany = ridesOut ? caller.outageMs <= 0 : caller.failures >= MAX_TRIES
    if (outcome === "refused" || isTooMany || pause >= caller.budgetMs) {
      this.#end("failed")
      return
    }
    caller.phase = "pausing"
    caller.timerMs = Math.trunc(pause)
  }

  #end(outcome: string): void {
    const caller = this.#caller
    caller.phase = "over"
    caller.isAborted = false
    this.#state.outcomes[this.#index] = outcome
    caller.timerMs = null
  }

  // One attempt: see quorum-attempt.ts.

  #vote(): void {
    const caller = this.#caller
    if (this.#rules.numbersAttempts || caller.attempt === 0) caller.attempt++
    const leftMs = deadlineMs(caller.roundMs, caller.roundLeftMs)
    caller.voteMs = Math.min(this.#voteMs, leftMs)
    caller.sentMs = 0
    caller.phase = "voting"
    for (const node of this.#state.nodes) {
      this.#known(node).vote = null
      this.#send(node, "vote", "main", caller.voteMs)
    }
  }

  get #voteMs(): number {
    return Math.max(SHORTEST_VOTE_MS, this.#terms.ttlMs / TTL_PART)
  }

  #noteVote(node: NodeState, vote: KnownVote): void {
    this.#known(node).vote = vote
    if (this.#caller.phase === "voting") this.#countVotes()
  }

  #countVotes(): void {
    const caller = this.#caller
    const votes = this.#state.nodes.map((node) => this.#known(node).vote)
    const verdict = countVotes(votes.map(clientReply), this.#rules.majority)
    switch (verdict?.kind) {
      case "granted":
        this.#grant(verdict.votes.map(({ leftMs }) => leftMs))
        break
      case "busy":
        this.#withdrawVotes()
        this.#busy(verdict.holderTtlMs)
        break
      case "split": {
        this.#withdrawVotes()
        caller.splits++
        const pause = backoffMs(caller.splits)
        const most = verdict.mayBeHeld ? ATTEMPTS_IF_HELD : ATTEMPTS
        if (caller.splits >= most || pause >= caller.roundLeftMs) this.#busy(verdict.holderTtlMs)
        else if (caller.isAborted) this.#end("aborted")
        else {
          caller.phase = "split"
          caller.timerMs = Math.trunc(pause)
        }
        break
      }
      case "failed": {
        this.#withdrawVotes()
        const refusals = votes.filter((vote) => vote?.kind === "young").length
        this.#fail(refusals > 1 ? "refused" : "unknown")
        break
      }
      case undefined:
    }
  }

  #grant(leftMs: readonly number[]): void {
    const caller = this.#caller
    const { ttlMs, fencing } = this.#terms
    const sentMs = this.#rules.countsFromRequest ? caller.sentMs : 0
    caller.validMs = Math.max(0, this.#validUntil(sentMs, Math.min(ttlMs, ...leftMs)))
    if (!fencing) {
      this.#finishGrant()
      return
    }
    caller.phase = "minting"
    const [first = 0, ...others] = this.#state.nodes.flatMap((node) => {
      const { vote } = this.#known(node)
      if (vote?.kind !== "granted") return []
      const micros = vote.micros ?? 0
      return [vote.lastFence === null ? micros : Math.max(vote.lastFence + 1, micros)]
    })
    caller.fence = this.#rules.countsAllFences ? Math.max(first, ...others) : first
    for (const node of this.#state.nodes) {
      const known = this.#known(node)
      const isSent = known.vote === null || known.vote.kind === "granted"
      known.other = isSent ? null : "failed"
      if (isSent) this.#send(node, "fence", "main", caller.voteMs)
    }
  }

  /** The second round: see `#mint`. */
  #countStores(): void {
    const replies = this.#others()
    if (replies.filter((reply) => reply === "noted").length >= this.#rules.stores) {
      this.#ignore("fence")
      this.#finishGrant()
      return
    }
    const failed = replies.filter((reply) => reply !== null && reply !== "noted")
    if (failed.length <= 1) return
    this.#ignore("fence")
    this.#withdrawVotes()
    this.#fail("unknown")
  }

  #finishGrant(): void {
    const caller = this.#caller
    if (caller.validMs <= 0) {
      this.#withdrawVotes()
      this.#fail("unknown")
      return
    }
    for (const request of this.#requests("vote")) request.role = "tracked"
    if (caller.isAborted) {
      this.#end("aborted")
      this.#beginRelease("clean-up")
      return
    }
    caller.phase = "holding"
    if (this.#terms.renews) {
      caller.renewal = { failures: 0, timerMs: null, isSent: false }
      this.#scheduleRenewal(this.#renewalDueMs)
    }
  }

  /** Withdraws the votes of this attempt, also those that come later. */
  #withdrawVotes(): void {
    const { attempt } = this.#caller
    const { withdrawsVotes, withdrawsUnknownVotes, withdrawsLateVotes } = this.#rules
    const late = withdrawsLateVotes ? "straggler" : "ignored"
    for (const request of this.#requests("vote")) request.role = late
    for (const node of this.#state.nodes) {
      const kind = this.#known(node).vote?.kind
      const isUnknown = kind === "broken" || kind === "late"
      if ((kind === "granted" && withdrawsVotes) || (isUnknown && withdrawsUnknownVotes))
        this.#withdraw(node, attempt, kind === "late")
    }
  }

  // The hold: see lock.ts, hold-monitor.ts and quorum-store.ts.

  get #renewalDueMs(): number {
    return this.#caller.validMs - (this.#terms.ttlMs * 2) / 3
  }

  #scheduleRenewal(dueMs: number): void {
    const { renewal } = this.#caller
    if (!renewal) return
    const { failures } = renewal
    const delay =
      failures > 0
        ? Math.min(backoffMs(failures), this.#terms.ttlMs / TTL_PART)
        : Math.max(0, dueMs)
    renewal.timerMs = Math.max(1, Math.trunc(delay))
  }

  #renew(): void {
    const caller = this.#caller
    const { renewal } = caller
    if (!renewal || caller.phase !== "holding") return
    if (this.#renewalDueMs > 1) {
      renewal.failures = 0
      this.#scheduleRenewal(this.#renewalDueMs)
      return
    }
    caller.sentMs = 0
    renewal.isSent = true
    const withinMs = Math.min(this.#voteMs, deadlineMs(TIMEOUT_MS, caller.validMs / 2))
    for (const node of this.#state.nodes) {
      this.#known(node).other = null
      this.#send(node, "extend", "main", withinMs)
    }
  }

  #countExtensions(): void {
    const caller = this.#caller
    const { renewal } = caller
    if (!renewal) return
    const replies = this.#others()
    const loss = lossIn(replies)
    if (replies.filter((reply) => reply === "renewed").length >= this.#rules.extensions) {
      const sentMs = this.#rules.countsFromRequest ? caller.sentMs : 0
      caller.validMs = Math.max(caller.validMs, this.#validUntil(sentMs, this.#terms.ttlMs))
      renewal.failures = 0
      renewal.isSent = false
      this.#ignore("extend")
      this.#scheduleRenewal(this.#renewalDueMs)
    } else if (loss === "failed") {
      renewal.failures++
      renewal.isSent = false
      this.#ignore("extend")
      this.#scheduleRenewal(0)
    } else if (loss) this.#lose(loss)
  }

  #lose(reason: string): void {
    const caller = this.#caller
    caller.phase = "lost"
    this.#state.outcomes[this.#index] = reason
    caller.validMs = 0
    caller.renewal = null
    this.#ignore("extend")
  }

  // A release, and what is done later.

  #beginRelease(by: Release["by"]): void {
    const caller = this.#caller
    const unsettled = this.#trackedVotes
    const counts = { tries: 0, triesLeft: CLEAN_UP_TRIES, unsettled }
    caller.release = { by, ...counts, isSent: false }
    this.#sendRelease()
  }

  get #trackedVotes(): number {
    return this.#requests("vote", "tracked").length
  }

  #sendRelease(): void {
    const caller = this.#caller
    const { release } = caller
    if (!release) return
    release.tries++
    release.isSent = true
    const isBounded = release.by === "holder"
    const withinMs = isBounded ? deadlineMs(TIMEOUT_MS, caller.budgetMs) : TIMEOUT_MS
    const [first] = this.#state.nodes
    for (const node of this.#state.nodes) {
      const isSent = node === first || this.#rules.releasesEverywhere
      this.#known(node).other = isSent ? null : "released"
      if (isSent) this.#send(node, "release", "main", withinMs)
    }
  }

  #countReleases(): void {
    const replies = this.#others()
    const released = replies.filter((reply) => reply === "released").length
    const failed = replies.filter((reply) => reply === "failed").length
    const isOver = !replies.includes(null) && replies.length - failed >= 2
    if (released >= 2 || (isOver && released + failed >= 2)) this.#endRelease("released")
    else {
      const loss = lossIn(replies)
      if (loss === "failed") this.#failRelease()
      else if (loss) this.#endRelease(loss)
    }
  }

  #endRelease(result: string): void {
    const caller = this.#caller
    const { release } = caller
    if (!release) return
    const { repeatsRelease } = this.#rules
    for (const node of this.#state.nodes) {
      const known = this.#known(node)
      if (known.other === "failed" && repeatsRelease) this.#withdraw(node, caller.attempt, false)
      if (known.isLate) this.#withdraw(node, caller.attempt, false)
      known.isLate = false
    }
    for (const request of this.#requests("release"))
      request.role = repeatsRelease ? "straggler" : "ignored"
    switch (release.by) {
      case "holder":
        caller.release = null
        caller.hasEndedHold = true
        // Then an earlier try has released it, and the new holder got it from us.
        this.#end(caller.mayBeReleased ? "released" : result)
        break
      case "clean-up":
        this.#continueCleanUp(release)
    }
  }

  #failRelease(): void {
    const caller = this.#caller
    const { release } = caller
    if (!release) return
    this.#ignore("release")
    release.isSent = false
    const pause = backoffMs(release.tries)
    switch (release.by) {
      case "holder":
        caller.mayBeReleased ||= caller.wasHeld
        if (release.tries >= MAX_TRIES || pause >= caller.budgetMs) {
          caller.release = null
          this.#end("release failed")
        } else caller.timerMs = Math.trunc(pause)
        break
      case "clean-up":
        if (release.tries >= Math.max(1, release.triesLeft)) this.#continueCleanUp(release)
        else caller.timerMs = Math.trunc(pause)
    }
  }

  /** See `#cleanUp` in acquisition.ts. */
  #continueCleanUp(release: Release): void {
    release.triesLeft -= release.tries
    release.tries = 0
    release.isSent = false
    if (release.unsettled === 0) this.#caller.release = null
    else if (this.#trackedVotes < release.unsettled) this.#cleanUpAgain(release)
  }

  #cleanUpAgain(release: Release): void {
    release.unsettled = this.#trackedVotes
    this.#sendRelease()
  }

  /** A vote that the grant did not need has come, or cannot come any more. */
  #settle(node: NodeState, mayBeGiven: boolean): void {
    const { release, hasEndedHold, timerMs } = this.#caller
    if (release?.by === "clean-up") {
      if (!release.isSent && timerMs === null) this.#cleanUpAgain(release)
      return
    }
    if (!mayBeGiven || !this.#rules.withdrawsAfterRelease) return
    if (release?.by === "holder") this.#known(node).isLate = this.#rules.notesLateVotes
    else if (hasEndedHold) this.#withdraw(node, this.#caller.attempt, false)
  }

  /** See `withdraw` in quorum-node.ts. */
  #withdraw(node: NodeState, attempt: number, isTwice: boolean): void {
    this.#sendWithdrawal(node, attempt, { tries: 1, budgetMs: TIMEOUT_MS, isTwice })
  }

  #sendWithdrawal(node: NodeState, attempt: number, retry: Retry): void {
    const leftMs = deadlineMs(TIMEOUT_MS, retry.budgetMs)
    this.#push(node, {
      caller: this.#index,
      kind: "release",
      attempt,
      fence: null,
      role: "withdrawal",
      deadlineMs: Math.trunc(deadlineMs(leftMs, leftMs / 2)),
      retry,
      reply: null,
    })
  }

  #repeatWithdrawal(node: NodeState, attempt: number, { tries, budgetMs, isTwice }: Retry): void {
    const pause = backoffMs(tries)
    if (tries < CLEAN_UP_TRIES && pause < budgetMs) {
      const timerMs = Math.trunc(pause)
      node.pausing.push({ caller: this.#index, attempt, tries, budgetMs, isTwice, timerMs })
    } else if (isTwice) this.#withdraw(node, attempt, false)
  }

  // Requests and replies.

  #note(node: NodeState, kind: Kind, reply: Reply): void {
    if (kind !== "vote") {
      if (reply.kind === "done") this.#noteOther(node, kind, reply.result)
    } else if (reply.kind !== "done") this.#noteVote(node, reply)
  }

  #noteFailure(node: NodeState, kind: Kind, isLate: boolean): void {
    if (kind === "vote") this.#noteVote(node, { kind: isLate ? "late" : "broken" })
    else this.#noteOther(node, kind, "failed")
  }

  #noteOther(node: NodeState, kind: Kind, result: OtherResult | "failed"): void {
    this.#known(node).other = result
    if (kind === "fence") this.#countStores()
    else if (kind === "extend") this.#countExtensions()
    else this.#countReleases()
  }

  #others(): Known["other"][] {
    return this.#state.nodes.map((node) => this.#known(node).other)
  }

  #known(node: NodeState): Known {
    return (node.known[this.#index] ??= unknown())
  }

  #requests(kind: Kind, role: Role = "main"): Request[] {
    return this.#state.nodes.flatMap(({ requests }) =>
      requests.filter(
        (one) => one.caller === this.#index && one.kind === kind && one.role === role,
      ),
    )
  }

  /** It is decided: replies that are still awaited make no difference. */
  #ignore(kind: Kind): void {
    for (const node of this.#state.nodes) {
      for (const request of node.requests) {
        const { caller, role } = request
        if (caller === this.#index && request.kind === kind && role === "main")
          request.role = "ignored"
      }
      // The reply has come, and has not been read: so there is nothing to read any more.
      node.requests = node.requests.filter(({ role, reply }) => role !== "ignored" || !reply)
    }
  }

  #send(node: NodeState, kind: Kind, role: Role, withinMs: number): void {
    const { attempt, fence } = this.#caller
    this.#push(node, {
      caller: this.#index,
      kind,
      attempt,
      fence: kind === "fence" ? fence : null,
      role,
      deadlineMs: Math.trunc(withinMs),
      retry: null,
      reply: null,
    })
  }

  #push(node: NodeState, request: Request): void {
    node.requests.push(request)
  }

  /** When a hold ends whose request was sent then: see `Validity.ofTtl`. */
  #validUntil(sentMs: number, ttlMs: number): number {
    const marginMs = this.#rules.subtractsDrift ? ttlMs / 100 + 2 : 0
    return Math.ceil(sentMs + ttlMs - marginMs)
  }

  /** Forgets what makes no difference any more, so that equal states are recognized. */
  #tidy(): void {
    const caller = this.#caller
    const { phase, release, renewal } = caller
    const isAsking = ["voting", "minting", "split", "pausing", "waiting"].includes(phase)
    if (!isAsking) {
      caller.splits = caller.failures = caller.refusals = 0
      caller.isQueued = false
      caller.waitMs = caller.outageMs = caller.ownBudgetMs = 0
      caller.roundMs = caller.roundLeftMs = caller.voteMs = 0
      if (phase !== "releasing") caller.budgetMs = 0
      if (!renewal?.isSent) caller.sentMs = 0
    }
    if (phase !== "minting" && phase !== "holding") caller.fence = null
    if (phase === "over") caller.wasHeld = caller.mayBeReleased = false
    if (phase === "over" && this.#trackedVotes === 0) caller.hasEndedHold = false
    const isVoting = phase === "voting" || phase === "minting"
    const isAnswered = phase === "minting" || renewal?.isSent === true || release?.isSent === true
    for (const node of this.#state.nodes) {
      const known = this.#known(node)
      if (!isVoting) known.vote = null
      if (!isAnswered) known.other = null
    }
  }
}

function clientReply(vote: KnownVote | null): ClientReply | undefined {
  switch (vote?.kind) {
    case undefined:
      return undefined
    case "granted":
      return { ...vote, lastFence: vote.lastFence ?? 0, micros: vote.micros ?? 0 }
    case "busy":
      return vote
    case "young":
    case "broken":
    case "late":
      // Only its kind is read.
      return { kind: "failed" } as ClientReply
  }
}

/** See `#decideLoss` in quorum-store.ts. */
function lossIn(replies: readonly Known["other"][]): "taken" | "gone" | "failed" | undefined {
  const taken = replies.filter((reply) => reply === "taken").length
  const gone = replies.filter((reply) => reply === "gone").length
  if (taken + gone > 1) return taken >= gone ? "taken" : "gone"
  const failed = replies.filter((reply) => reply === "failed").length
  return failed > 1 || !replies.includes(null) ? "failed" : undefined
}
