// The databases of a quorum together: what a majority of them is, and why there is none.
import type { WaitUntil } from "../options.js"
import { QuorumError, type QuorumFailure } from "./quorum-error.js"
import type { QuorumNode } from "./quorum-node.js"
import type { Known } from "./until-decided.js"
import type { Failed } from "./vote-reply.js"

/** What the databases of a quorum are together. */
export interface QuorumSettings {
  /** For how long a database does not vote that may have lost its memory; 0: it votes at once. */
  readonly quarantineMs: number
  /** How long one database may take to vote or to extend; undefined: a fraction of the ttl. */
  readonly voteMs: number | undefined
  /** How long the clean-up of one database may take. */
  readonly cleanUpMs: number
  /** Given the work that goes on after an answer. */
  readonly waitUntil: WaitUntil
}

/** The part of the ttl that a database may take: one that is slower costs too much of the hold. */
const TTL_PART = 10
/** A far database needs so long, however short the ttl. */
const SHORTEST_VOTE_MS = 500

export class QuorumNodes {
  readonly voters: readonly QuorumNode[]
  readonly settings: QuorumSettings
  /** So many are a majority. */
  readonly majority: number

  constructor(voters: readonly QuorumNode[], settings: QuorumSettings) {
    this.voters = voters
    this.settings = settings
    this.majority = Math.floor(voters.length / 2) + 1
  }

  /** Whether so many that are not for us make a majority for us impossible. */
  isTooMany(against: number): boolean {
    return against > this.voters.length - this.majority
  }

  /** How long each database may take for a hold of so long. */
  voteMs(ttlMs: number, timeoutMs: number): number {
    const ms = this.settings.voteMs ?? Math.max(SHORTEST_VOTE_MS, ttlMs / TTL_PART)
    return Math.min(ms, timeoutMs)
  }

  /** The error that says why there is no majority. */
  failure(known: Known<unknown>): QuorumError {
    const failures: QuorumFailure[] = []
    let refusals = 0
    for (const [database, answer] of known.entries()) {
      if (!isFailed(answer)) continue
      failures.push({ database, reason: answer.error })
      if (!answer.error.mayPass) refusals++
    }
    // Where refusals that last alone make it impossible, asking again will not help.
    const outcome = this.isTooMany(refusals) ? "refused" : "unknown"
    return new QuorumError(failures, this.voters.length, outcome)
  }
}

/** Whether the answer is that there is none. */
export function isFailed(answer: unknown): answer is Failed {
  return (answer as { readonly kind?: unknown } | undefined)?.kind === "failed"
}
