// The events of `onEvent`, the hook for logs and metrics.
import type { LockBackendError, LossReason } from "./errors.js"

/** How a release ended: the lock was ours and is free, another holder has it, or it is not held. */
export type ReleaseResult = "released" | "taken" | "gone"

/** Why a waiter polls although it was to use a stream. */
export type PollingReason = "refused" | "failed" | "ended"

/** An event of a lock. It never contains a token. */
export type LockEvent =
  | OnceEvent
  | LeaderEvent
  /** The lock is held, and the call begins to wait; `place` is the number of waiters before it, if there is a queue. */
  | { readonly type: "queued"; readonly name: string; readonly place: number | undefined }
  /**
   * The call was to be notified through a stream and polls instead, which is slower and costs more billed requests: the
   * database has `refused` streams, could not be reached (`failed`), or the stream has `ended`.
   */
  | { readonly type: "polling"; readonly name: string; readonly reason: PollingReason }
  /** The lock was granted, after `waitedMs` and `requests`. */
  | {
      readonly type: "granted"
      readonly name: string
      readonly waitedMs: number
      readonly requests: number
      readonly fencingToken: number | undefined
    }
  /**
   * A hold with `watch` is no longer notified when it is stolen, and notices that at its next renewal: the database has `refused`
   * its stream, could not be reached (`failed`), or the stream has `ended`.
   */
  | { readonly type: "unwatched"; readonly name: string; readonly reason: PollingReason }
  /** The hold was extended. */
  | { readonly type: "renewed"; readonly name: string; readonly remainingMs: number }
  /** The hold ended before its holder ended it. */
  | { readonly type: "lost"; readonly name: string; readonly reason: LossReason }
  /** A release got its reply, after a hold of `heldMs`. */
  | {
      readonly type: "released"
      readonly name: string
      readonly result: ReleaseResult
      readonly heldMs: number
    }
  /** A release failed permanently; the lock is free when its ttl ends. */
  | { readonly type: "release-failed"; readonly name: string; readonly error: LockBackendError }
  /** A callback whose hold was lost has settled; its `request` had already rejected. */
  | {
      readonly type: "late-settled"
      readonly name: string
      readonly outcome: PromiseSettledResult<unknown>
    }

/** An event of a result that `once` cannot share as usual. */
export type OnceEvent =
  /**
   * Only its own caller got the result: it is longer than `maxBytes`, it does not serialize, or, with `failOpen`, the
   * database failed before the run. Other callers run the work themselves, one after the other.
   */
  | {
      readonly type: "not-shared"
      readonly name: string
      readonly reason: "too-large" | "not-serializable" | "fail-open"
      readonly error: unknown
    }
  /** `remember` threw or did not return a duration: the callers that waited get the value, and no others. */
  | { readonly type: "not-remembered"; readonly name: string; readonly error: unknown }
  /** A run that was to replace a stale value failed; callers still get the stale value. */
  | { readonly type: "refresh-failed"; readonly name: string; readonly error: unknown }

/** The problems of a process that leads. */
export type LeaderEvent =
  /** The leader's work threw. The lock is released, and this candidate stands again after a pause. */
  | { readonly type: "leader-failed"; readonly name: string; readonly error: unknown }
  /** The leader's work goes on although its signal aborted that long ago. This candidate does not stand again until it ends. */
  | { readonly type: "leader-overdue"; readonly name: string; readonly afterMs: number }

/** Passes an event to the listener. */
export type Emit = (event: LockEvent) => void
