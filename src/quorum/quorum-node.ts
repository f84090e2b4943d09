// One database of a quorum: gives its vote, stores fencing tokens, and withdraws votes.
import type { ReleaseResult } from "../events.js"
import * as scripts from "../redis/lua/scripts.js"
import type { Database } from "../redis/database.js"
import { VOTING_SINCE_KEY, fenceKeys, voteKeys } from "../redis/keys.js"
import { unexpectedReply } from "../redis/redis-error.js"
import { retryUntilKnown } from "../redis/retry.js"
import { SingleStore } from "../redis/single-store.js"
import type { Claim, LockRequest } from "../redis/store.js"
import { deadlineMs, type Validity } from "../time/validity.js"
import { VoidVoteError } from "./quorum-error.js"
import { type Failed, orFailed, readVoteReply, type VoteReply } from "./vote-reply.js"

/** The clean-up is not waited for, so it may take long. */
const CLEAN_UP_TRIES = 5

export class QuorumNode {
  readonly #database: Database
  readonly #store: SingleStore

  constructor(database: Database) {
    this.#database = database
    this.#store = new SingleStore(database)
  }

  /** Requests its vote. `quarantineMs`: for how long it does not vote after it may have lost its memory. */
  vote(
    { name, token, ttlMs }: LockRequest,
    attempt: number,
    quarantineMs: number,
    timeoutMs: number,
  ): Promise<VoteReply> {
    const keys = voteKeys(this.#database.prefix, name)
    const args = [token, String(attempt), String(ttlMs), String(quarantineMs)]
    return orFailed(this.#database.run(scripts.vote, keys, args, timeoutMs).then(readVoteReply))
  }

  /** Stores the fencing token of the claim. Fails if the claim does not have its vote any more. */
  storeFence(
    { name, token }: Claim,
    fencingToken: number,
    timeoutMs: number,
  ): Promise<"noted" | Failed> {
    const keys = fenceKeys(this.#database.prefix, name)
    const args = [token, String(fencingToken)]
    return orFailed(this.#database.run(scripts.fence, keys, args, timeoutMs).then(readNoted))
  }

  readHold(claim: Claim, timeoutMs: number): Promise<Validity | "taken" | "gone" | Failed> {
    return orFailed(this.#store.readHold(claim, timeoutMs))
  }

  extend(
    claim: Claim,
    ttlMs: number,
    timeoutMs: number,
  ): Promise<Validity | "taken" | "gone" | Failed> {
    const extending = this.#store.extend({ ...claim, ttlMs }, timeoutMs)
    // A quorum does not support stealing; a steal in one of its databases has taken one vote.
    return orFailed(extending.then((result) => (result === "stolen" ? "taken" : result)))
  }

  release(claim: Claim, timeoutMs: number): Promise<ReleaseResult | Failed> {
    return orFailed(this.#store.release(claim, timeoutMs))
  }

  /** Makes sure that the claim does not have its vote. Never rejects: a vote that cannot be withdrawn ends with its ttl. */
  async withdraw(claim: Claim, withinMs: number): Promise<void> {
    const release = (leftMs: number) => this.#store.release(claim, deadlineMs(leftMs, leftMs / 2))
    await retryUntilKnown(release, { tries: CLEAN_UP_TRIES, withinMs }).catch(() => undefined)
  }

  /** Lets it vote at once, without a quarantine. */
  start(timeoutMs: number): Promise<"started" | Failed> {
    return orFailed(
      this.#database.run(scripts.start, [VOTING_SINCE_KEY], [], timeoutMs).then(readStarted),
    )
  }
}

function readNoted(reply: unknown): "noted" {
  if (reply === "taken" || reply === "gone") {
    throw new VoidVoteError("no longer has our vote", { outcome: "unknown" })
  }
  if (reply !== "noted") throw unexpectedReply()
  return reply
}

function readStarted(reply: unknown): "started" {
  if (reply !== "started") throw unexpectedReply()
  return reply
}
