// What a lock needs of the databases it lives in: a few operations on one name, each safe to ask again.
import type { ReleaseResult } from "../events.js"
import type { WaitUntil } from "../options.js"
import type { Instant, Validity } from "../time/validity.js"
import type { Fetch, Listener, Subscription, Transport } from "./transport.js"

/** Who asks for which lock. */
export interface Claim {
  readonly name: string
  readonly token: string
  /** Given what is cleaned up after an answer. @default the store's own */
  readonly waitUntil?: WaitUntil
}

/** What a claim asks for. */
export interface TakeRequest extends Claim {
  readonly ttlMs: number
  /** Whether to mint a fencing token with the grant. */
  readonly fencing: boolean
  /** How many may hold the lock together: undefined for an exclusive hold, Infinity for a shared one. */
  readonly limit: number | undefined
  /** Nothing is asked anew once it has aborted. */
  readonly signal?: AbortSignal | undefined
}

/** What a hold asks for that is to last longer. */
export interface Extension extends Claim {
  readonly ttlMs: number
}

/** A hold as the databases granted it. */
export interface Grant {
  readonly kind: "granted"
  readonly validity: Validity
  readonly fencingToken: number | undefined
  /** Whether it is for a short time only, until the holder shows that it is alive by extending it. */
  readonly isLease: boolean
  /** The token that holds it, where that is not the one that asked for it but one made of it. */
  readonly token?: string
  /** Whether nobody was waiting when it was granted, as far as is known. */
  readonly isUncontended?: boolean
  /** Requests of it whose answers nobody waited for; executed after a release, they need another one. */
  readonly underWay?: readonly Promise<unknown>[]
}

/** Somebody else holds the lock. */
export interface Busy {
  readonly kind: "busy"
  /** How long the holder has left: Infinity where its key never expires, undefined where it was not asked. */
  readonly holderTtlMs: number | undefined
  /** Whether the holder may be our own token: a request that was doubled on its way is refused because of itself. */
  readonly mayBeOurs?: boolean
}

/** What a theft found in its way; it may replace just that. */
export interface Held {
  readonly kind: "held"
  /** Tells it from any other hold. */
  readonly digest: string
}

/** Somebody else holds the lock, and we wait in its queue. */
export interface Queued {
  readonly kind: "queued"
  /** How long the holder has left; Infinity where its key never expires. */
  readonly holderTtlMs: number
  /** Whether the holder is none of ours: it will not hand over, and may free the lock at any moment. */
  readonly isForeign: boolean
  /** How many are before us. */
  readonly place: number
  /** Our place for good: the server's time of our arrival, in microseconds. */
  readonly ticket: string
  /** What the server's clock said after `sentAt`. */
  readonly serverTime: ServerTime
}

/** A moment on the server's clock, and a local one that was no later. */
interface ServerTime {
  readonly sentAt: Instant
  readonly micros: number
}

/** How a waiter is entered into a queue. It is constant for one wait. */
export interface Waiter extends TakeRequest {
  /** Where it hears of its grant; undefined when it only asks. */
  readonly channel: string | undefined
  /** For how long it is granted the lock before it has shown that it is alive. */
  readonly leaseMs: number
}

/** What a waiter is told. */
export type Notice =
  /** The lock is ours since so many microseconds on the server's clock. */
  | {
      readonly kind: "granted"
      readonly micros: number
      readonly leaseMs: number
      readonly fencingToken: number | undefined
      readonly receivedAt: Instant
    }
  /** We are next; the holder has so many milliseconds unless it extends. */
  | { readonly kind: "next"; readonly leaseMs: number }
  /** The stream has ended. */
  | { readonly kind: "end" }

/** Some of the names of all locks. */
export interface NamePage {
  /** Where to go on; `"0"` at the end, as at the beginning. */
  readonly next: string
  /** A name may come twice. */
  readonly names: readonly string[]
}

/** Who holds a lock, or waits for it: a client, a mode, and milliseconds. */
export interface Party {
  /** Empty for a stranger. */
  readonly clientId: string
  readonly mode: "exclusive" | "shared"
  /** Of a holder what it has left (Infinity: for ever), of a waiter when it came, by the server's clock. */
  readonly ms: number
}

/** A lock as it stood at one moment. */
export interface LockSnapshot {
  readonly held: readonly Party[]
  readonly pending: readonly Party[]
}

/** Where waiters stand in line. Grants come in the order of arrival, without the lock being free in between. */
export interface LockQueue {
  /** Whether it is noticed that a waiter's stream has ended. */
  readonly noticesEnd: boolean
  /** False once the database has refused to open a stream. */
  readonly canListen: boolean
  /** Enters the queue, or stays in it; takes a free lock that nobody waits for. */
  enqueue(waiter: Waiter, ticket: string | undefined, timeoutMs: number): Promise<Grant | Queued>
  /** Shows that the waiter is alive; `busy` when it is not in the queue (any more). */
  check(waiter: Waiter, ticket: string, timeoutMs: number): Promise<Grant | Queued | Busy>
  /** Leaves the queue, and hands on what may have been granted meanwhile. */
  leave(waiter: Waiter, timeoutMs: number): Promise<void>
  /** Opens the waiter's stream; resolves when nothing can be missed any more. */
  listen(
    channel: string,
    onNotice: (notice: Notice) => void,
    timeoutMs: number,
  ): Promise<Subscription>
}

/** What runs scripts on keys that are not a lock's, and hears what they publish. */
export interface ScriptDatabase {
  readonly transport: Transport
  readonly prefix: string
  /** False once the database has refused to open a stream. */
  readonly canListen: boolean
  run(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
  ): Promise<unknown>
  /** Publishes what the script itself could not; the first `length` elements of its reply. */
  runPublishing(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    length: number,
    timeoutMs: number,
  ): Promise<readonly unknown[]>
  listen(channel: string, listener: Listener, timeoutMs: number): Promise<Subscription>
}

/** What can be done on one database alone, where there is one order of everything; beside holds that are shared. */
export interface SingleDatabase {
  /** What runs scripts on keys that are not a lock's. */
  readonly database: ScriptDatabase
  /** How long the holder has left (undefined: there is none; Infinity: its key never expires), and how many wait. */
  inspect(name: string, timeoutMs: number): Promise<{ leftMs: number | undefined; waiting: number }>
  /** Takes the lock from whoever has it, if that is what an earlier call found, or nobody. */
  steal(request: TakeRequest, found: string, timeoutMs: number): Promise<Grant | Held>
  /** Some of the names of the locks that are held; all of them, asked until `next` is `"0"`. */
  scan(cursor: string, count: number, timeoutMs: number): Promise<NamePage>
  /** Who holds each of the locks and who waits for it, no more than `most` each. */
  snapshot(names: readonly string[], most: number, timeoutMs: number): Promise<LockSnapshot[]>
}

/** The end of a hold. */
export interface Ending extends Claim {
  /** Whether nobody was waiting when it was granted: then it may be cheaper to end. */
  readonly isUncontended?: boolean | undefined
}

/**
 * Where locks live: one database, or a majority of several.
 *
 * Every operation rejects with a `RedisError` where the outcome is not known or the database refused.
 */
export interface LockStore {
  /** Where waiters stand in line; undefined where there is no queue, and waiting means asking. */
  readonly queue: LockQueue | undefined
  /** Itself where it is one database; otherwise the reason why there are exclusive holds only. */
  readonly single: SingleDatabase | string
  /** Refuses a ttl that it cannot keep. @throws `RangeError` that names the option. */
  checkTtl?(ttlMs: number): void
  /**
   * Takes the lock if it is free.
   *
   * @param mustKnow whether a lock that the token holds already has to be recognized. A caller that enters the queue
   *   next is told there, which is cheaper.
   */
  tryAcquire(request: TakeRequest, timeoutMs: number, mustKnow: boolean): Promise<Grant | Busy>
  /** How long the token's hold is valid; `taken` or `gone` where it has none. */
  look(claim: Claim, timeoutMs: number): Promise<Validity | "taken" | "gone">
  /** Extends the token's hold, and never shortens it; the new validity, or what became of it. */
  extend(extension: Extension, timeoutMs: number): Promise<Validity | "taken" | "gone" | "stolen">
  /** Frees the lock if the token has it. */
  release(ending: Ending, timeoutMs: number): Promise<ReleaseResult>
}

/** What a hold that was granted needs of its store. */
export type HoldStore = Pick<LockStore, "checkTtl" | "extend" | "release">

/** What a store needs to know of its manager. */
export interface StoreSettings {
  readonly prefix: string
  readonly fetch: Fetch | undefined
  readonly keyLocking: boolean | undefined
  /** Part of every lock's token, so it must not be the REST token. */
  readonly clientId: string | undefined
  /** The longest that one request may take. */
  readonly timeoutMs: number
  /** Given the work that goes on after an answer. */
  readonly waitUntil: WaitUntil
}

/** A `redis` option that knows by itself how to open its store, so that nobody pays for a kind that is not used. */
export interface StoreRecipe {
  /** @internal */
  openStore(settings: StoreSettings): LockStore
}
