// The databases of a quorum together: the size of a majority, and the error if there is none.
import type { WaitUntil } from "../options.js"
import { QuorumError, type QuorumFailure } from "./quorum-error.js"
import type { QuorumNode } from "./quorum-node.js"
import type { Known } from "./until-decided.js"
import type { Failed } from "./vote-reply.js"

/** The settings that all databases of a quorum share. */
export interface QuorumSettings {
  /** For how long a database that may have lost its memory does not vote; 0: it votes at once. */
  readonly quarantineMs: number
  /** How long one database may take to vote or to extend; undefined: a fraction of the ttl. */
  readonly voteMs: number | undefined
  /** How long the clean-up of one database may take. */
  readonly cleanUpMs: number
  /** Receives the work that continues after an operation has settled. */
  readonly waitUntil: WaitUntil
}

/** A database may take this fraction (1 / n) of the ttl: a slower one costs too much of the hold. */
const TTL_PART = 10
/** A distant database needs this long, even for a short ttl. */
const SHORTEST_VOTE_MS = 500

export class QuorumNodes {
  readonly all: readonly QuorumNode[]
  readonly settings: QuorumSettings
  /** The number of databases that are a majority. */
  readonly majority: number

  constructor(all: readonly QuorumNode[], settings: QuorumSettings) {
    this.all = all
    this.settings = settings
    this.majority = Math.floor(all.length / 2) + 1
  }

  /** Whether a majority is impossible without this number of databases. */
  isTooMany(against: number): boolean {
    return against > this.all.length - this.majority
  }

  /** How long each database may take to vote for a hold with this ttl. */
  voteMs(ttlMs: number, timeoutMs: number): number {
    const ms = this.settings.voteMs ?? Math.max(SHORTEST_VOTE_MS, ttlMs / TTL_PART)
    return Math.min(ms, timeoutMs)
  }

  /** The error that says why there is no majority. */
  failure(known: Known<unknown>): QuorumError {
    const failures: QuorumFailure[] = []
    let refusals = 0
    for (const [database, reply] of known.entries()) {
      if (!isFailed(reply)) continue
      failures.push({ database, reason: reply.error })
      if (!reply.error.isTransient) refusals++
    }
    // If permanent refusals alone rule out a majority, a retry does not help.
    const outcome = this.isTooMany(refusals) ? "refused" : "unknown"
    return new QuorumError(failures, this.all.length, outcome)
  }
}

/** Whether this stands for a database without a usable reply. */
export function isFailed(reply: unknown): reply is Failed {
  return (reply as { readonly kind?: unknown } | undefined)?.kind === "failed"
}
