// What a lock needs of the databases it lives in: a few operations on one name, each safe to ask again.
import type { ReleaseResult } from "../events.js"
import type { Validity } from "../validity.js"

/** Who asks for which lock. */
export interface Claim {
  readonly name: string
  readonly token: string
}

/** What a claim asks for. */
export interface TakeRequest extends Claim {
  readonly ttlMs: number
  /** Whether to mint a fencing token with the grant. */
  readonly fencing: boolean
}

/** A hold as the databases granted it. */
export interface Grant {
  readonly kind: "granted"
  readonly validity: Validity
  readonly fencingToken: number | undefined
}

/** Somebody else holds the lock. */
export interface Busy {
  readonly kind: "busy"
  /** How long the holder has left: Infinity where its key never expires, undefined where it was not asked. */
  readonly holderTtlMs: number | undefined
}

/**
 * Where locks live: one database, or a majority of several.
 *
 * Every operation rejects with a `RestError` where the outcome is not known or the database refused.
 */
export interface LockStore {
  /** Whether the answer "busy" of `take` may be that of a command sent twice, so that it has to be asked again. */
  readonly mayResend: boolean
  /** Takes the lock if it is free, in the cheapest way there is. */
  take(request: TakeRequest, timeoutMs: number): Promise<Grant | Busy>
  /** The same, but recognises a lock that the token has already, and says how long a holder has left. */
  retake(request: TakeRequest, timeoutMs: number): Promise<Grant | Busy>
  /** How long the token's hold is valid; `taken` or `gone` where it has none. */
  look(claim: Claim, timeoutMs: number): Promise<Validity | "taken" | "gone">
  /** Extends the token's hold; the new validity, or `taken` or `gone` where it has none. */
  extend(claim: Claim, ttlMs: number, timeoutMs: number): Promise<Validity | "taken" | "gone">
  /** Frees the lock if the token has it. */
  release(claim: Claim, timeoutMs: number): Promise<ReleaseResult>
}
