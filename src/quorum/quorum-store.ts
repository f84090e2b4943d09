// Locks on a majority of independent databases: what each operation asks them, and when their answers are enough.
// https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/
import type { ReleaseResult } from "../events.js"
import type { Busy, Claim, Extension, Grant, LockStore, TakeRequest } from "../redis/store.js"
import { backoffMs } from "../time/backoff.js"
import { Budget, deadlineMs, Validity } from "../time/validity.js"
import { sleep } from "../time/timers.js"
import { QuorumAttempt } from "./quorum-attempt.js"
import { isFailed, type QuorumNodes } from "./quorum-nodes.js"
import { type Known, untilDecided } from "./until-decided.js"
import type { Failed } from "./vote-reply.js"

/** So many attempts settle a split among a few. One that stays is contention like any other. */
const ATTEMPTS = 5
/** So many if it may be no split: votes that nobody can see may make it a hold. */
const ATTEMPTS_IF_HELD = 3

export class QuorumStore implements LockStore {
  readonly queue = undefined
  readonly single =
    "is not there on a quorum: what a majority of databases agrees on is one holder, not several, nor their order"
  readonly #panel: QuorumNodes
  /** Attempts are told apart by it, and later ones known from earlier ones. */
  #attempts = 0

  constructor(panel: QuorumNodes) {
    this.#panel = panel
  }

  checkTtl(ttlMs: number): void {
    const { quarantineMs } = this.#panel.settings
    if (quarantineMs === 0 || ttlMs <= quarantineMs) return
    throw new RangeError(
      `ttl: must not be longer than the quarantine of the quorum (${quarantineMs} ms), after which a database that lost its memory votes again, got ${ttlMs}`,
    )
  }

  /** Tries again after a random while where the votes are split. */
  async tryAcquire(request: TakeRequest, timeoutMs: number): Promise<Grant | Busy> {
    const budget = new Budget(timeoutMs)
    for (let n = 1; ; n++) {
      const leftMs = deadlineMs(timeoutMs, budget.leftMs)
      const voteMs = this.#panel.voteMs(request.ttlMs, leftMs)
      const result = await new QuorumAttempt(this.#panel, request, ++this.#attempts, voteMs).run()
      if (result.kind !== "split") return result
      const pause = backoffMs(n)
      const isLast = n >= (result.mayBeHeld ? ATTEMPTS_IF_HELD : ATTEMPTS)
      if (isLast || pause >= budget.leftMs) return { kind: "busy", holderTtlMs: result.holderTtlMs }
      await sleep(pause, request.signal)
    }
  }

  look(claim: Claim, timeoutMs: number): Promise<Validity | "taken" | "gone"> {
    const answers = this.#panel.voters.map((voter) => voter.look(claim, timeoutMs))
    return untilDecided(answers, (known) => this.#decideHold(known))
  }

  extend({ ttlMs, ...claim }: Extension, timeoutMs: number): Promise<Validity | "taken" | "gone"> {
    this.checkTtl(ttlMs)
    const voteMs = this.#panel.voteMs(ttlMs, timeoutMs)
    const answers = this.#panel.voters.map((voter) => voter.extend(claim, ttlMs, voteMs))
    // The votes that are left of a hold that is lost end with their ttl: they protect a holder that has not noticed yet.
    return untilDecided(answers, (known) => this.#decideHold(known))
  }

  async release(claim: Claim, timeoutMs: number): Promise<ReleaseResult> {
    const { voters, settings } = this.#panel
    const answers = voters.map((voter) => voter.release(claim, timeoutMs))
    const result = await untilDecided(answers, (known) => this.#decideRelease(known))
    const stragglers = voters.map(async (voter, i) => {
      if (isFailed(await answers[i])) await voter.withdraw(claim, settings.cleanUpMs)
    })
    const { waitUntil = settings.waitUntil } = claim
    waitUntil(Promise.allSettled(stragglers))
    return result
  }

  /** Held, for as long as a majority has it; lost, when so many have not that no majority can. */
  #decideHold(
    known: Known<Validity | "taken" | "gone" | Failed>,
  ): Validity | "taken" | "gone" | undefined {
    const held = known.filter((answer) => answer instanceof Validity)
    if (held.length >= this.#panel.majority)
      return held.reduce((a, b) => (a.longer(b) === a ? b : a))
    return this.#decideLoss(known)
  }

  #decideRelease(known: Known<ReleaseResult | Failed>): ReleaseResult | undefined {
    const { majority } = this.#panel
    const released = known.filter((answer) => answer === "released").length
    if (released >= majority) return "released"
    if (known.includes(undefined)) return this.#decideLoss(known)
    // Those that failed may have been the others of our majority. That a majority is free of us makes it over.
    const failed = known.filter(isFailed).length
    const isOver = known.length - failed >= majority
    return isOver && released + failed >= majority ? "released" : this.#decideLoss(known)
  }

  #decideLoss(known: Known<unknown>): "taken" | "gone" | undefined {
    const taken = known.filter((answer) => answer === "taken").length
    const gone = known.filter((answer) => answer === "gone").length
    if (this.#panel.isTooMany(taken + gone)) return taken >= gone ? "taken" : "gone"
    const failed = known.filter(isFailed).length
    if (this.#panel.isTooMany(failed) || !known.includes(undefined)) {
      throw this.#panel.failure(known)
    }
    return undefined
  }
}
