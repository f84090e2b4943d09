// One attempt to take a lock on a majority: requests the votes, mints the fencing token, and withdraws votes after a failure.
import type { Claim, Grant, LockRequest, Unsettled } from "../redis/store.js"
import { now, Validity } from "../time/validity.js"
import { countVotes, type Verdict } from "./count-votes.js"
import { VoidVoteError } from "./quorum-error.js"
import type { QuorumNode } from "./quorum-node.js"
import { isFailed, type QuorumNodes } from "./quorum-nodes.js"
import { type Known, untilDecided } from "./until-decided.js"
import type { Failed, Granted, VoteReply } from "./vote-reply.js"

/** The result of an attempt. */
export type AttemptResult = Grant | Extract<Verdict, { kind: "busy" | "split" }>

export class QuorumAttempt {
  readonly #nodes: QuorumNodes
  readonly #request: LockRequest
  /** Each attempt has its own token: with a shared one, a delayed release would free the hold of a later attempt. */
  readonly #claim: Claim
  readonly #timeoutMs: number
  readonly #sentAt = now()
  readonly #votes: readonly Promise<VoteReply>[]
  #known: Known<VoteReply> = []

  /**
   * Requests the votes.
   *
   * @param number greater than that of every earlier attempt
   * @param timeoutMs how long each database may take for one reply; a fencing token needs two
   */
  constructor(nodes: QuorumNodes, request: LockRequest, number: number, timeoutMs: number) {
    const { quarantineMs } = nodes.settings
    this.#nodes = nodes
    this.#request = request
    this.#claim = { name: request.name, token: `${request.token}-${number}` }
    this.#timeoutMs = timeoutMs
    this.#votes = nodes.all.map((node) => node.vote(request, number, quarantineMs, timeoutMs))
  }

  /** @throws `QuorumError` when too many databases failed. The votes are withdrawn in that case, too. */
  async run(): Promise<AttemptResult> {
    let result: AttemptResult | undefined
    try {
      const verdict = await untilDecided(this.#votes, (known) => {
        this.#known = known
        return countVotes(known, this.#nodes.majority)
      })
      if (verdict.kind === "failed") throw this.#nodes.failure(this.#known)
      result = verdict.kind === "granted" ? await this.#grant(verdict.votes) : verdict
      return result
    } finally {
      if (result?.kind !== "granted") this.#withdraw()
    }
  }

  async #grant(votes: readonly Granted[]): Promise<AttemptResult> {
    const leftMs = Math.min(this.#request.ttlMs, ...votes.map((vote) => vote.leftMs))
    const validity = Validity.ofTtl(this.#sentAt, leftMs)
    const fencingToken = this.#request.fencing ? await this.#mint(votes) : undefined
    if (validity.remainingMs <= 0) {
      const message = "the lock's ttl was over before a majority had replied"
      throw new VoidVoteError(message, { outcome: "unknown" })
    }
    return {
      kind: "granted",
      validity,
      fencingToken,
      isLease: false,
      token: this.#claim.token,
      unsettled: this.#unsettled(),
    }
  }

  /**
   * The second round: stores a token above all that the majority knows. It is valid once a majority has stored it, each
   * database while it had our vote. So any later majority includes a database that knows it.
   */
  #mint(votes: readonly Granted[]): Promise<number> {
    const fencingToken = Math.max(
      ...votes.map(({ lastFence, micros }) => Math.max(lastFence + 1, micros)),
    )
    const replies = this.#nodes.all.map((node, i) => this.#store(node, i, fencingToken))
    return untilDecided(replies, (known) => {
      const noted = known.filter((reply) => reply === "noted").length
      if (noted >= this.#nodes.majority) return fencingToken
      if (this.#nodes.isTooMany(known.filter(isFailed).length)) throw this.#nodes.failure(known)
      return undefined
    })
  }

  /** Sends it only to a database that gave its vote, or may yet do so. */
  #store(node: QuorumNode, index: number, fencingToken: number): Promise<"noted" | Failed> {
    const reply = this.#known[index]
    if (reply?.kind === "failed") return Promise.resolve(reply)
    if (reply?.kind === "busy") {
      const error = new VoidVoteError("another holder has its vote", { outcome: "unknown" })
      return Promise.resolve({ kind: "failed", error })
    }
    return node.storeFence(this.#claim, fencingToken, this.#timeoutMs)
  }

  /** The requests for votes that may yet be executed. Each is undone where it was sent. */
  #unsettled(): Unsettled[] {
    return this.#votes.flatMap((vote, i) => {
      const reply = this.#known[i]
      const settled = reply ? unsettledOf(reply) : vote.then(unsettledOf)
      return settled ? [{ settled, undo: () => this.#withdrawFrom(i) }] : []
    })
  }

  /** Withdraws the votes that were granted or may have been, also those whose reply is late. Not waited for. */
  #withdraw(): void {
    const work = this.#votes.map(async (vote, i) => {
      const unsettled = unsettledOf(await vote)
      await this.#withdrawFrom(i)
      if (!unsettled) return
      await unsettled
      await this.#withdrawFrom(i)
    })
    // Only a bug of ours rejects, and the attempt has rejected with it.
    const { waitUntil = this.#nodes.settings.waitUntil } = this.#request
    waitUntil(Promise.allSettled(work))
  }

  /** Withdraws the vote of one database when its reply is known, unless it was not given. Never rejects. */
  async #withdrawFrom(index: number): Promise<void> {
    const { all, settings } = this.#nodes
    // Any other failure is a bug of ours or of the client, and says nothing of the vote.
    const reply = await this.#votes[index]?.catch(() => undefined)
    if (reply && !mayHaveVoted(reply)) return
    await all[index]?.withdraw(this.#claim, settings.cleanUpMs)
  }
}

function mayHaveVoted(reply: VoteReply): boolean {
  if (reply.kind === "failed") return reply.error.mayHaveBeenExecuted
  return reply.kind === "granted"
}

/** The request that was given up at its deadline, if any; settles when its outcome is known. */
function unsettledOf(reply: VoteReply): Promise<unknown> | undefined {
  if (!isFailed(reply)) return undefined
  return reply.error.unsettled?.catch(() => undefined)
}
