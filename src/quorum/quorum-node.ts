// One database of a quorum: gives its vote, notes fencing tokens, and is rid of what it should not have.
import type { ReleaseResult } from "../events.js"
import * as scripts from "../redis/lua/scripts.js"
import type { Database } from "../redis/database.js"
import { BORN_KEY, fenceKeys, voteKeys } from "../redis/keys.js"
import { unexpectedReply } from "../redis/redis-error.js"
import { retryUntilKnown } from "../redis/retry.js"
import { SingleStore } from "../redis/single-store.js"
import type { Claim, TakeRequest } from "../redis/store.js"
import { deadlineMs, type Validity } from "../time/validity.js"
import { VoidVoteError } from "./quorum-error.js"
import { type Failed, orFailed, readVoteReply, type VoteReply } from "./vote-reply.js"

/** A clean-up that nobody waits for may take its time. */
const CLEAN_UP_TRIES = 5

export class QuorumNode {
  readonly #database: Database
  readonly #store: SingleStore

  constructor(database: Database) {
    this.#database = database
    this.#store = new SingleStore(database)
  }

  /** Asks for its vote. `quarantineMs`: for how long it gives none after it may have lost its memory. */
  vote(
    { name, token, ttlMs }: TakeRequest,
    attempt: number,
    quarantineMs: number,
    timeoutMs: number,
  ): Promise<VoteReply> {
    const keys = voteKeys(this.#database.prefix, name)
    const args = [token, String(attempt), String(ttlMs), String(quarantineMs)]
    return orFailed(this.#database.run(scripts.vote, keys, args, timeoutMs).then(readVoteReply))
  }

  /** Notes the fencing token of the claim. It fails where the claim does not have its vote any more. */
  note({ name, token }: Claim, fencingToken: number, timeoutMs: number): Promise<"noted" | Failed> {
    const keys = fenceKeys(this.#database.prefix, name)
    const args = [token, String(fencingToken)]
    return orFailed(this.#database.run(scripts.fence, keys, args, timeoutMs).then(readNoted))
  }

  look(claim: Claim, timeoutMs: number): Promise<Validity | "taken" | "gone" | Failed> {
    return orFailed(this.#store.look(claim, timeoutMs))
  }

  extend(
    claim: Claim,
    ttlMs: number,
    timeoutMs: number,
  ): Promise<Validity | "taken" | "gone" | Failed> {
    const extending = this.#store.extend({ ...claim, ttlMs }, timeoutMs)
    // Nothing is stolen from a quorum; whoever did that in one of its databases has taken one vote.
    return orFailed(extending.then((answer) => (answer === "stolen" ? "taken" : answer)))
  }

  release(claim: Claim, timeoutMs: number): Promise<ReleaseResult | Failed> {
    return orFailed(this.#store.release(claim, timeoutMs))
  }

  /** Sees to it that the claim does not have its vote. Never rejects: what cannot be reached ends with its ttl. */
  async withdraw(claim: Claim, withinMs: number): Promise<void> {
    const release = (leftMs: number) => this.#store.release(claim, deadlineMs(leftMs, leftMs / 2))
    await retryUntilKnown(release, { tries: CLEAN_UP_TRIES, withinMs }).catch(() => undefined)
  }

  /** Lets it vote at once, however young it is. */
  start(timeoutMs: number): Promise<"started" | Failed> {
    return orFailed(this.#database.run(scripts.start, [BORN_KEY], [], timeoutMs).then(readStarted))
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
