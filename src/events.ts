// What happens to locks, told to whoever listens: the one hook for logs and metrics.
import type { LockBackendError, LossReason } from "./errors.js"

/** How a release ended: the lock was ours and is free, somebody else has it, or nobody has. */
export type ReleaseResult = "released" | "taken" | "gone"

/** Why a waiter polls although it wanted a stream. */
export type PollingReason = "refused" | "failed" | "ended"

/** Something that happened to a lock. An event never holds a token. */
export type LockEvent =
  | OnceEvent
  | LeaderEvent
  /** The lock is held by somebody else, and the call begins to wait, behind so many others if there is a queue. */
  | { readonly type: "queued"; readonly name: string; readonly place: number | undefined }
  /**
   * The call wanted to be notified through a stream and asks from time to time instead, which is later and costs
   * billed requests: the database has `refused` streams, could not be reached (`failed`), or the stream has `ended`.
   */
  | { readonly type: "polling"; readonly name: string; readonly reason: PollingReason }
  /** The lock was granted, after so many milliseconds and requests. */
  | {
      readonly type: "granted"
      readonly name: string
      readonly waitedMs: number
      readonly requests: number
      readonly fencingToken: number | undefined
    }
  /**
   * A hold with `watch` is not notified of a theft any more, and notices it at its next renewal: the database has `refused`
   * its stream, could not be reached (`failed`), or the stream has `ended`.
   */
  | { readonly type: "unwatched"; readonly name: string; readonly reason: PollingReason }
  /** The hold was extended; so many milliseconds are left. */
  | { readonly type: "renewed"; readonly name: string; readonly remainingMs: number }
  /** The hold ended before its holder ended it. */
  | { readonly type: "lost"; readonly name: string; readonly reason: LossReason }
  /** A release was answered, after a hold of so many milliseconds. */
  | {
      readonly type: "released"
      readonly name: string
      readonly result: ReleaseResult
      readonly heldMs: number
    }
  /** A release failed for good; the lock frees itself when its ttl ends. */
  | { readonly type: "release-failed"; readonly name: string; readonly error: LockBackendError }
  /** A callback whose hold was lost has settled; `request` had rejected long before. */
  | {
      readonly type: "late-settled"
      readonly name: string
      readonly outcome: PromiseSettledResult<unknown>
    }

/** What can become of a result that `once` cannot share. */
export type OnceEvent =
  /**
   * A result was given to its own caller alone: it is longer than `maxBytes`, it does not serialize, or, with `failOpen`, the
   * database failed before the run. Others run for themselves, one after the other.
   */
  | {
      readonly type: "not-shared"
      readonly name: string
      readonly reason: "too-large" | "not-serializable" | "fail-open"
      readonly error: unknown
    }
  /** `remember` threw or returned something that is not a duration: those who waited have the value, and nobody else. */
  | { readonly type: "not-remembered"; readonly name: string; readonly error: unknown }
  /** A run that was to replace an old value failed; the old value goes on being served. */
  | { readonly type: "refresh-failed"; readonly name: string; readonly error: unknown }

/** What can go wrong while a process leads. */
export type LeaderEvent =
  /** The leader's work threw. The lock is released, and this candidate stands again after a pause. */
  | { readonly type: "leader-failed"; readonly name: string; readonly error: unknown }
  /** The leader's work goes on although its signal aborted that long ago. This candidate does not stand again until it ends. */
  | { readonly type: "leader-overdue"; readonly name: string; readonly afterMs: number }

/** Hands an event to the listener. */
export type Emit = (event: LockEvent) => void
