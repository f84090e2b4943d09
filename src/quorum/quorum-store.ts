// Locks on a majority of independent databases: what each operation sends to them, and when their replies suffice.
// https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/
import type { ReleaseResult } from "../events.js"
import type { Busy, Claim, ExtendRequest, Grant, LockStore, LockRequest } from "../redis/store.js"
import { backoffMs } from "../time/backoff.js"
import { Budget, deadlineMs, Validity } from "../time/validity.js"
import { sleep } from "../time/timers.js"
import { QuorumAttempt } from "./quorum-attempt.js"
import { isFailed, type QuorumNodes } from "./quorum-nodes.js"
import { type Known, untilDecided } from "./until-decided.js"
import type { Failed } from "./vote-reply.js"

/** The most attempts after split votes: enough among a few callers. A split that remains is contention like any other. */
const ATTEMPTS = 5
/** The same if another caller may have a majority with votes that are unknown. */
const ATTEMPTS_IF_HELD = 3

export class QuorumStore implements LockStore {
  readonly queue = undefined
  readonly single =
    "not supported on a quorum: a majority of databases can agree on one holder, but not on several or on their order"
  readonly #nodes: QuorumNodes
  /** Numbers the attempts, so that a database can tell a later one from an earlier one. */
  #attempts = 0

  constructor(nodes: QuorumNodes) {
    this.#nodes = nodes
  }

  checkTtl(ttlMs: number): void {
    const { quarantineMs } = this.#nodes.settings
    if (quarantineMs === 0 || ttlMs <= quarantineMs) return
    throw new RangeError(
      `ttl: must not exceed the quorum's quarantine (${quarantineMs} ms), after which a database that lost its memory votes again, got ${ttlMs}`,
    )
  }

  /** Retries after a random pause if the votes are split. */
  async tryAcquire(request: LockRequest, timeoutMs: number): Promise<Grant | Busy> {
    const budget = new Budget(timeoutMs)
    for (let n = 1; ; n++) {
      const leftMs = deadlineMs(timeoutMs, budget.leftMs)
      const voteMs = this.#nodes.voteMs(request.ttlMs, leftMs)
      const result = await new QuorumAttempt(this.#nodes, request, ++this.#attempts, voteMs).run()
      if (result.kind !== "split") return result
      const pause = backoffMs(n)
      const isLast = n >= (result.mayBeHeld ? ATTEMPTS_IF_HELD : ATTEMPTS)
      if (isLast || pause >= budget.leftMs) return { kind: "busy", holderTtlMs: result.holderTtlMs }
      await sleep(pause, request.signal)
    }
  }

  readHold(claim: Claim, timeoutMs: number): Promise<Validity | "taken" | "gone"> {
    const answers = this.#nodes.all.map((node) => node.readHold(claim, timeoutMs))
    return untilDecided(answers, (known) => this.#decideHold(known))
  }

  extend(
    { ttlMs, ...claim }: ExtendRequest,
    timeoutMs: number,
  ): Promise<Validity | "taken" | "gone"> {
    this.checkTtl(ttlMs)
    const voteMs = this.#nodes.voteMs(ttlMs, timeoutMs)
    const answers = this.#nodes.all.map((node) => node.extend(claim, ttlMs, voteMs))
    // The remaining votes of a lost hold end with their ttl: they protect a holder that has not noticed yet.
    return untilDecided(answers, (known) => this.#decideHold(known))
  }

  async release(claim: Claim, timeoutMs: number): Promise<ReleaseResult> {
    const { all, settings } = this.#nodes
    const replies = all.map((node) => node.release(claim, timeoutMs))
    const result = await untilDecided(replies, (known) => this.#decideRelease(known))
    const stragglers = all.map(async (node, i) => {
      if (isFailed(await replies[i])) await node.withdraw(claim, settings.cleanUpMs)
    })
    const { waitUntil = settings.waitUntil } = claim
    waitUntil(Promise.allSettled(stragglers))
    return result
  }

  /** Held for as long as a majority has the hold; lost when a majority is no longer possible. */
  #decideHold(
    known: Known<Validity | "taken" | "gone" | Failed>,
  ): Validity | "taken" | "gone" | undefined {
    const held = known.filter((answer) => answer instanceof Validity)
    if (held.length >= this.#nodes.majority)
      return held.reduce((a, b) => (a.longer(b) === a ? b : a))
    return this.#decideLoss(known)
  }

  #decideRelease(known: Known<ReleaseResult | Failed>): ReleaseResult | undefined {
    const { majority } = this.#nodes
    const released = known.filter((answer) => answer === "released").length
    if (released >= majority) return "released"
    if (known.includes(undefined)) return this.#decideLoss(known)
    // Databases that failed may have been part of our majority. Once a majority is free of our votes, the hold is over.
    const failed = known.filter(isFailed).length
    const isOver = known.length - failed >= majority
    return isOver && released + failed >= majority ? "released" : this.#decideLoss(known)
  }

  #decideLoss(known: Known<unknown>): "taken" | "gone" | undefined {
    const taken = known.filter((answer) => answer === "taken").length
    const gone = known.filter((answer) => answer === "gone").length
    if (this.#nodes.isTooMany(taken + gone)) return taken >= gone ? "taken" : "gone"
    const failed = known.filter(isFailed).length
    if (this.#nodes.isTooMany(failed) || !known.includes(undefined)) {
      throw this.#nodes.failure(known)
    }
    return undefined
  }
}
