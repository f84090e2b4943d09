// The interface between a lock and its databases: a few idempotent operations on one name, and their requests and replies.
import type { ReleaseResult } from "../events.js"
import type { WaitUntil } from "../options.js"
import type { Instant, Validity } from "../time/validity.js"
import type { Fetch, Listener, Subscription, Transport } from "./transport.js"

/** The lock's name, and the token of the caller. */
export interface Claim {
  readonly name: string
  readonly token: string
  /** Receives the clean-up after an operation has settled. @default the store's own */
  readonly waitUntil?: WaitUntil
}

/** A request to take a lock. */
export interface LockRequest extends Claim {
  readonly ttlMs: number
  /** Whether to mint a fencing token with the grant. */
  readonly fencing: boolean
  /** How many may share the lock: undefined for an exclusive hold, Infinity for a shared one. */
  readonly limit: number | undefined
  /** Nothing is retried once it has aborted. */
  readonly signal?: AbortSignal | undefined
}

/** A request to extend a hold. */
export interface ExtendRequest extends Claim {
  readonly ttlMs: number
}

/** A hold as the databases granted it. */
export interface Grant {
  readonly kind: "granted"
  readonly validity: Validity
  readonly fencingToken: number | undefined
  /** Whether it is short, until the holder shows that it is alive by extending it. */
  readonly isLease: boolean
  /** The token that holds it, if that is not the token of the request but derived from it. */
  readonly token?: string
  /** Whether the lock had no waiters when it was granted, as far as is known. */
  readonly isUncontended?: boolean
  /** The stream through which it was received, where the hold is to keep it. */
  readonly stream?: HeldStream
  /** Its requests whose outcome is not known. */
  readonly unsettled?: readonly Unsettled[]
}

/** A request that was not waited for. If it is executed after the release, it has to be undone. */
export interface Unsettled {
  /** Settles when its outcome is known. */
  readonly settled: Promise<unknown>
  /** Undoes it, and never rejects; undefined: what undoes the whole call undoes it. */
  readonly undo?: () => Promise<unknown>
}

/** Another holder has the lock. */
export interface Busy {
  readonly kind: "busy"
  /** How long the holder has left: Infinity if its key never expires, undefined if it is not known. */
  readonly holderTtlMs: number | undefined
}

/** The hold that a steal found; a second request may replace exactly this one. */
export interface Held {
  readonly kind: "held"
  /** Identifies the hold. */
  readonly digest: string
}

/** Another holder has the lock, and we wait in its queue. */
export interface Queued {
  readonly kind: "queued"
  /** How long the holder has left; Infinity if its key never expires. */
  readonly holderTtlMs: number
  /** Whether the holder is foreign: it will not hand the lock on, and may free it at any moment. */
  readonly isForeign: boolean
  /** The number of waiters before us. */
  readonly place: number
  /** Our position, which never changes: the server's time of our arrival, in microseconds. */
  readonly ticket: string
  /** A reading of the server's clock, taken after `sentAt`. */
  readonly serverTime: ServerTime
}

/** A reading of the server's clock, and a local moment that was no later. */
interface ServerTime {
  readonly sentAt: Instant
  readonly micros: number
}

/** The entry of a waiter in a queue. It is constant for one wait. */
export interface Waiter extends LockRequest {
  /** The address to which its grant is sent; undefined if it polls. */
  readonly address: string | undefined
  /** For how long it is granted the lock until it has shown that it is alive. */
  readonly leaseMs: number
}

/** A message to a waiter. */
export type Notice =
  /** The lock is ours since `micros` on the server's clock. */
  | {
      readonly kind: "granted"
      readonly micros: number
      readonly leaseMs: number
      readonly fencingToken: number | undefined
      readonly receivedAt: Instant
    }
  /** We are next; the holder has `leaseMs` left unless it extends its hold. */
  | { readonly kind: "next"; readonly leaseMs: number }
  /** The hold was stolen. */
  | { readonly kind: "stolen" }
  /** The stream is open: no later message can be missed. */
  | { readonly kind: "opened" }
  /** The stream has ended; or it could not be opened, because of the error. */
  | { readonly kind: "end"; readonly error?: unknown }

/** A waiter's stream that its hold keeps; it may still be opening. */
export interface HeldStream extends Subscription {
  /** Hands over the messages that have arrived since the grant, and all later ones. */
  forward(onNotice: (notice: Notice) => void): void
}

/** Some of the names of all locks. */
export interface NamePage {
  /** The cursor of the next page; `"0"` at the end, as at the beginning. */
  readonly next: string
  /** May contain duplicates. */
  readonly names: readonly string[]
}

/** A holder of a lock, or a waiter: a client, a mode, and milliseconds. */
export interface Party {
  /** Empty for a foreign holder. */
  readonly clientId: string
  readonly mode: "exclusive" | "shared"
  /** For a holder, the time left (Infinity: unlimited); for a waiter, its arrival by the server's clock. */
  readonly ms: number
}

/** The holders and waiters of a lock at one moment. */
export interface LockSnapshot {
  readonly held: readonly Party[]
  readonly pending: readonly Party[]
}

/** The stream through which a waiter receives its messages. */
export interface Mailbox {
  /** Whether the stream was open before, so that no message can be missed. */
  readonly isOpen: boolean
  /** Opens the stream; resolves when no later message can be missed. @param onRequest called if that takes a request */
  open(timeoutMs: number, onRequest: () => void): Promise<void>
  /** The waiter receives nothing afterwards. */
  close(): void
  /** Closes the stream because it missed a message: for others who share it, it ends. */
  distrust(): void
}

/** How a waiter learns of its grant: by a stream whose end is noticed, by one whose end is not, or by asking. */
export type Hearing = "stream" | "subscriber" | "poll"

/** The queue of a lock. Waiters are granted the lock in the order of arrival, and it is never free in between. */
export interface LockQueue {
  /** Whether a stream is open already, through which messages for a new waiter may come at once. */
  readonly isListening: boolean
  /**
   * The entry of a new waiter.
   *
   * @param push whether it is to be notified through a stream
   * @param channel a channel for this waiter alone. Default: the waiters of a manager share one, where that is allowed
   */
  waiter(request: LockRequest, push: boolean, channel: string | undefined): Waiter
  /** How a waiter with that address learns of its grant. */
  hearingAt(address: string | undefined): Hearing
  /** The mailbox of a waiter that has an address. */
  mailbox(address: string, onNotice: (notice: Notice) => void): Mailbox
  /** Takes a free lock that has no waiters; otherwise enters the queue, or stays in it. */
  enqueue(waiter: Waiter, ticket: string | undefined, timeoutMs: number): Promise<Grant | Queued>
  /** How long the holder has left; undefined if the lock was granted to the waiter. Changes nothing. */
  look(waiter: Waiter, timeoutMs: number): Promise<number | undefined>
  /** Shows that the waiter is alive; `busy` when it is not in the queue (any more). */
  check(waiter: Waiter, ticket: string, timeoutMs: number): Promise<Grant | Queued | Busy>
  /** Leaves the queue, and hands the lock on if it was granted meanwhile. */
  leave(waiter: Waiter, timeoutMs: number): Promise<void>
  /** Opens the stream of a hold; resolves when no later message can be missed. */
  listen(
    channel: string,
    onNotice: (notice: Notice) => void,
    timeoutMs: number,
  ): Promise<Subscription>
}

/** Runs scripts on keys that do not belong to a lock, and receives what they publish. */
export interface ScriptDatabase {
  readonly transport: Transport
  readonly prefix: string
  /** False while no stream can be opened. */
  readonly canListen: boolean
  /** Whether calls may share a stream, although each belongs to another request. */
  readonly sharesStreams: boolean
  run(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
  ): Promise<unknown>
  /** Also publishes the messages that the script itself could not; returns the first `length` elements of its reply. */
  runPublishing(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    length: number,
    timeoutMs: number,
  ): Promise<readonly unknown[]>
  listen(channel: string, listener: Listener, timeoutMs: number): Promise<Subscription>
}

/** The operations, beside shared holds, that only a single database supports, since it has one order of all events. */
export interface SingleDatabase {
  /** For scripts on keys that do not belong to a lock. */
  readonly database: ScriptDatabase
  /** The holder's time left (undefined: not held; Infinity: its key never expires), and the number of waiters. */
  inspect(name: string, timeoutMs: number): Promise<{ leftMs: number | undefined; waiting: number }>
  /** Takes the lock if it is free, or if its hold is the one that an earlier call has `found`. */
  steal(request: LockRequest, found: string, timeoutMs: number): Promise<Grant | Held>
  /** One page of the names of held locks; call it until `next` is `"0"`. */
  scan(cursor: string, count: number, timeoutMs: number): Promise<NamePage>
  /** The holders and waiters of each of the locks, at most `most` of each. */
  snapshot(names: readonly string[], most: number, timeoutMs: number): Promise<LockSnapshot[]>
}

/** A request to release a hold. */
export interface ReleaseRequest extends Claim {
  /** Whether the lock had no waiters when it was granted: then a release may be cheaper. */
  readonly isUncontended?: boolean | undefined
}

/**
 * The storage of locks: one database, or a majority of several.
 *
 * Every operation rejects with a `RedisError` if the outcome is unknown or the database refused.
 */
export interface LockStore {
  /** Undefined if there is no queue and waiters poll. */
  readonly queue: LockQueue | undefined
  /** The store itself if it is one database; otherwise the reason why it only supports exclusive holds. */
  readonly single: SingleDatabase | string
  /** The database, if it is one. */
  readonly database?: ScriptDatabase
  /** Refuses a ttl that the store cannot keep. @throws `RangeError` that names the option. */
  checkTtl?(ttlMs: number): void
  /** Takes the lock if it is free, and recognizes one that the token holds already. */
  tryAcquire(request: LockRequest, timeoutMs: number): Promise<Grant | Busy>
  /** How long the token's hold is valid; `taken` or `gone` if it has none. */
  readHold(claim: Claim, timeoutMs: number): Promise<Validity | "taken" | "gone">
  /** Extends the token's hold, and never shortens it; returns the new validity, or how the hold was lost. */
  extend(
    extension: ExtendRequest,
    timeoutMs: number,
  ): Promise<Validity | "taken" | "gone" | "stolen">
  /** Frees the lock if the token has it. */
  release(ending: ReleaseRequest, timeoutMs: number): Promise<ReleaseResult>
}

/** The part of a store that a granted hold uses. */
export type HoldStore = Pick<LockStore, "checkTtl" | "extend" | "release">

/** The settings of a manager that its store uses. */
export interface StoreSettings {
  readonly prefix: string
  readonly fetch: Fetch | undefined
  readonly keyLocking: boolean | undefined
  /** Part of every lock's token, so it must not be the REST token. */
  readonly clientId: string | undefined
  /** The longest that one request may take. */
  readonly timeoutMs: number
  /** Receives the work that continues after an operation has settled. */
  readonly waitUntil: WaitUntil
}

/** A `redis` option that opens its own store, so that a bundle does not contain kinds of stores that are not used. */
export interface StoreRecipe {
  /** @internal */
  openStore(settings: StoreSettings): LockStore
}
