// One attempt to take a lock on a majority: asks for the votes, mints the fencing token, and takes back what it got in vain.
import type { Claim, Grant, TakeRequest } from "../redis/store.js"
import { now, Validity } from "../time/validity.js"
import { countVotes, type Verdict } from "./count-votes.js"
import { VoidVoteError } from "./quorum-error.js"
import type { QuorumNode } from "./quorum-node.js"
import { isFailed, type QuorumNodes } from "./quorum-nodes.js"
import { type Known, untilDecided } from "./until-decided.js"
import type { Failed, Granted, VoteReply } from "./vote-reply.js"

/** How an attempt has ended. */
export type AttemptResult = Grant | Extract<Verdict, { kind: "busy" | "split" }>

export class QuorumAttempt {
  readonly #panel: QuorumNodes
  readonly #request: TakeRequest
  /** A token of its own: with a reused one a delayed release would free what a later attempt has. */
  readonly #claim: Claim
  readonly #timeoutMs: number
  readonly #sentAt = now()
  readonly #votes: readonly Promise<VoteReply>[]
  #known: Known<VoteReply> = []

  /**
   * Asks for the votes.
   *
   * @param number greater than that of every attempt before it
   * @param timeoutMs how long each database may take for an answer, of which a fencing token takes two
   */
  constructor(panel: QuorumNodes, request: TakeRequest, number: number, timeoutMs: number) {
    const { quarantineMs } = panel.settings
    this.#panel = panel
    this.#request = request
    this.#claim = { name: request.name, token: `${request.token}-${number}` }
    this.#timeoutMs = timeoutMs
    this.#votes = panel.voters.map((voter) => voter.vote(request, number, quarantineMs, timeoutMs))
  }

  /** @throws `QuorumError` when too many databases failed. Then, too, nothing stays behind. */
  async run(): Promise<AttemptResult> {
    let result: AttemptResult | undefined
    try {
      const verdict = await untilDecided(this.#votes, (known) => {
        this.#known = known
        return countVotes(known, this.#panel.majority)
      })
      if (verdict.kind === "failed") throw this.#panel.failure(this.#known)
      result = verdict.kind === "granted" ? await this.#grant(verdict.ballots) : verdict
      return result
    } finally {
      if (result?.kind !== "granted") this.#takeBack()
    }
  }

  async #grant(ballots: readonly Granted[]): Promise<AttemptResult> {
    const leftMs = Math.min(this.#request.ttlMs, ...ballots.map((ballot) => ballot.leftMs))
    const validity = Validity.ofTtl(this.#sentAt, leftMs)
    const fencingToken = this.#request.fencing ? await this.#mint(ballots) : undefined
    if (validity.remainingMs <= 0) {
      const message = "the lock's ttl was over before a majority had answered"
      throw new VoidVoteError(message, { outcome: "unknown" })
    }
    return {
      kind: "granted",
      validity,
      fencingToken,
      isLease: false,
      token: this.#claim.token,
      underWay: this.#underWay(),
    }
  }

  /**
   * The second round: a token above all that the majority has noted counts when a majority has noted it, each while it
   * had our vote. So whoever gets a majority later meets it in one database at least.
   */
  #mint(ballots: readonly Granted[]): Promise<number> {
    const fencingToken = Math.max(
      ...ballots.map(({ lastFence, micros }) => Math.max(lastFence + 1, micros)),
    )
    const answers = this.#panel.voters.map((voter, i) => this.#note(voter, i, fencingToken))
    return untilDecided(answers, (known) => {
      const noted = known.filter((answer) => answer === "noted").length
      if (noted >= this.#panel.majority) return fencingToken
      if (this.#panel.isTooMany(known.filter(isFailed).length)) throw this.#panel.failure(known)
      return undefined
    })
  }

  /** Only a database that gave its vote, or may yet do so, is asked. */
  #note(voter: QuorumNode, index: number, fencingToken: number): Promise<"noted" | Failed> {
    const ballot = this.#known[index]
    if (ballot?.kind === "failed") return Promise.resolve(ballot)
    if (ballot?.kind === "busy") {
      const error = new VoidVoteError("somebody else has its vote", { outcome: "unknown" })
      return Promise.resolve({ kind: "failed", error })
    }
    return voter.note(this.#claim, fencingToken, this.#timeoutMs)
  }

  /** The votes that are still on their way. */
  #underWay(): Promise<unknown>[] {
    return this.#votes.flatMap((vote, i) => {
      const ballot = this.#known[i]
      if (!ballot) return vote.then(lateAnswer)
      return lateAnswer(ballot) ?? []
    })
  }

  /** Takes back what was granted or may have been, also what is answered late. Not waited for. */
  #takeBack(): void {
    const { voters, settings } = this.#panel
    const work = this.#votes.map(async (vote, i) => {
      const ballot = await vote
      if (!mayHaveVoted(ballot)) return
      const withdraw = () => voters[i]?.withdraw(this.#claim, settings.cleanUpMs)
      await withdraw()
      const late = lateAnswer(ballot)
      if (!late) return
      await late
      await withdraw()
    })
    // Only a mistake of ours rejects, and the attempt has rejected with it.
    const { waitUntil = settings.waitUntil } = this.#request
    waitUntil(Promise.allSettled(work))
  }
}

function mayHaveVoted(ballot: VoteReply): boolean {
  if (ballot.kind === "failed") return ballot.error.mayHaveBeenExecuted
  return ballot.kind === "granted"
}

/** What is still to come after a deadline; settles when it is known what became of it. */
function lateAnswer(ballot: VoteReply): Promise<unknown> | undefined {
  if (!isFailed(ballot)) return undefined
  return ballot.error.late?.catch(() => undefined)
}
