// The events of `onEvent`, the hook for logs and metrics.
import type { LockBackendError, LossReason } from "./errors.js"

/** How a release ended: the lock was ours and is free, another holder has it, or it is not held. */
export type ReleaseResult = "released" | "taken" | "gone"

/**
 * Why a call was not granted its lock.
 *
 * - `busy`: it was held by others, and the call was not to wait
 * - `timeout`: it was held by others for all of the wait, or the call has used up its `maxRequests`
 * - `aborted`: the signal of the call aborted
 * - `closed`: `releaseAll()` has closed the manager
 * - `error`: the database failed, or refused; or, for `adopt`, the hold was over
 */
export type NotGrantedReason = "busy" | "timeout" | "aborted" | "closed" | "error"

/** Why a waiter polls although it was to use a stream. */
export type PollingReason = "refused" | "failed" | "ended"

/**
 * An event of a lock. It never contains a token.
 *
 * Every call that acquires a lock ends in exactly one `granted` or `not-granted`, unless its arguments are invalid. Every
 * hold ends in exactly one `released`, `lost`, `kept` or `transferred`.
 */
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
  /**
   * A hold begins: the lock was granted, or `adopt` has taken a hold over, after `waitedMs` and `requests`. `wasQueued` says
   * whether the call had emitted `queued`.
   */
  | {
      readonly type: "granted"
      readonly name: string
      readonly waitedMs: number
      readonly requests: number
      readonly wasQueued: boolean
      readonly fencingToken: number | undefined
    }
  /** The call ended without the lock, after `waitedMs` and `requests`. */
  | {
      readonly type: "not-granted"
      readonly name: string
      readonly reason: NotGrantedReason
      readonly waitedMs: number
      readonly requests: number
      readonly wasQueued: boolean
    }
  /**
   * A hold with `watch` is no longer notified when it is stolen, and notices that at its next renewal: the database has `refused`
   * its stream, could not be reached (`failed`), or the stream has `ended`.
   */
  | { readonly type: "unwatched"; readonly name: string; readonly reason: PollingReason }
  /** The hold was extended. */
  | { readonly type: "renewed"; readonly name: string; readonly remainingMs: number }
  /** The hold ended before its holder ended it. Its release, which still follows, emits no further end. */
  | {
      readonly type: "lost"
      readonly name: string
      readonly reason: LossReason
      readonly heldMs: number
    }
  /** The holder has released it, after `heldMs`; the result is `unknown` after a `release-failed`. */
  | {
      readonly type: "released"
      readonly name: string
      readonly result: ReleaseResult | "unknown"
      readonly heldMs: number
    }
  /** `keep` has prolonged the hold, which is no longer managed from now on: no other end follows. */
  | { readonly type: "kept"; readonly name: string; readonly heldMs: number }
  /** `transfer` has handed the hold over; it goes on in the process that adopts it. */
  | { readonly type: "transferred"; readonly name: string; readonly heldMs: number }
  /** A release failed permanently; the lock is free when its ttl ends. Not an end of its own: `released` or `lost` tells that. */
  | { readonly type: "release-failed"; readonly name: string; readonly error: LockBackendError }
  /** A callback whose hold was lost has settled; its `request` had already rejected. */
  | {
      readonly type: "late-settled"
      readonly name: string
      readonly outcome: PromiseSettledResult<unknown>
    }

/** The events of a result that is shared, or that `once` cannot share as usual. */
export type OnceEvent =
  /**
   * The call got a result without running, so it ends in neither `granted` nor `not-granted`: that of the run that it `joined`,
   * a `remembered` one, or a `stale` one that another caller replaces.
   */
  | {
      readonly type: "served"
      readonly name: string
      readonly source: "joined" | "remembered" | "stale"
      readonly waitedMs: number
      readonly requests: number
      readonly wasQueued: boolean
    }
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
