// The state of a world of locks: the database, its callers, and what travels between them. Times are in ms from now.

/** How a caller calls. */
export interface Terms {
  readonly name: string
  readonly waitMs: number
  readonly ttlMs: number
  readonly fencing: boolean
  /** How many may share the lock; undefined: it is exclusive. */
  readonly limit: number | undefined
  readonly renews: boolean
  readonly steals: boolean
  readonly watches: boolean
  /** A call of `once`: for how long its result is remembered. */
  readonly once?: { readonly rememberMs: number }
  /** Whether a request that was given up is canceled; if not, its reply still comes, and is used to clean up. */
  readonly cancels: boolean
}

/** A caller that takes the lock exclusively, and waits for it. */
export const EXCLUSIVE: Terms = {
  name: "A",
  waitMs: 25_000,
  ttlMs: 10_000,
  fencing: false,
  limit: undefined,
  renews: false,
  steals: false,
  watches: false,
  cancels: true,
}

/** The callers A, B, C and so on, each exclusive in all that is not said of it. */
export function callersWith(terms: readonly Partial<Terms>[]): readonly Terms[] {
  return terms.map((each, i) => ({ ...EXCLUSIVE, ...each, name: "ABCDE"[i] ?? "" }))
}

export type Kind =
  | "claim"
  | "try"
  | "steal"
  | "listen"
  | "look"
  | "enqueue"
  | "check"
  | "extend"
  | "release"
  | "leave"
  | "once-claim"
  | "once-extend"
  | "once-settle"

/**
 * Whose request it is: the call's own, that of its stream, of its renewal, of its clean-up, the withdrawal of an unsettled request,
 * that of a hold that begins to watch; or nobody's any more, or one that was given up and whose reply is still awaited.
 */
export type Role =
  "main" | "stream" | "renewal" | "clean-up" | "withdrawal" | "watch" | "nobody" | "unsettled"

/** A request, until its reply is delivered. */
export interface Request {
  readonly caller: number
  readonly kind: Kind
  role: Role
  /** What distinguishes requests of one kind: the ticket, the entry's channel, what a steal found. */
  ticket: number | null
  readonly channel: string
  readonly leaseMs: number
  readonly found: string
  /** Whether a settling gives the run up. */
  readonly isGivenUp: boolean
  /** What an extension asks for. */
  readonly ttlMs: number
  /** When it was sent, and until when its reply is awaited. */
  atMs: number
  deadlineMs: number
  /** Once it was executed. */
  reply: Reply | null
}

export type Reply =
  | { readonly kind: "granted"; readonly ms: number; fence: number | null }
  | {
      readonly kind: "queued"
      readonly ms: number
      readonly foreign: boolean
      readonly place: number
      ticket: number
      micros: number
    }
  | { readonly kind: "busy"; readonly ms: number }
  /** How long the holder has left (-1: forever); null if we have the lock. */
  | { readonly kind: "looked"; readonly ms: number | null }
  | { readonly kind: "held"; readonly found: string }
  | { readonly kind: "done"; readonly result: string }
  /** Another call of `once` runs; since when this one waits. */
  | { readonly kind: "running"; readonly ms: number; since: number }
  /** The result of a run, and when it was settled. */
  | { readonly kind: "record"; settled: number }
  | { readonly kind: "refused"; readonly reason: string }

/** A message to a waiter or to a holder that watches, or news of its stream. */
export type Message =
  | {
      readonly kind: "granted"
      micros: number
      readonly leaseMs: number
      fence: number | null
      receivedMs: number
    }
  | { readonly kind: "next"; readonly ms: number }
  | { readonly kind: "record"; settled: number }
  | { readonly kind: "read" }
  | { readonly kind: "free" }
  | { readonly kind: "stolen" }
  | { readonly kind: "opened" }
  | { readonly kind: "looked"; readonly ms: number | null }
  | { readonly kind: "end" }

/** What a call does at the moment. */
export type Phase =
  | "idle"
  /** Waits for the reply to its request. */
  | "asking"
  /** Pauses before it repeats its request. */
  | "pausing"
  /** Stands in the queue. */
  | "waiting"
  | "holding"
  /** It had the lock, and has noticed that it has lost it. */
  | "lost"
  | "over"
  | "dead"

export interface Queued {
  readonly ms: number
  readonly foreign: boolean
  readonly place: number
  /** Of the request, and the server's time then. */
  sentMs: number
  micros: number
}

export interface Caller {
  phase: Phase
  /** What it asks, or repeats after its pause. */
  kind: Kind
  failures: number
  /** Until when this request is repeated; until when its wait lasts. */
  budgetMs: number
  outageMs: number
  waitMs: number
  /** When it does something by itself. */
  timerMs: number | null
  /** Whether an outcome was unknown, and whether it was in the queue. */
  mayHaveTaken: boolean
  isEntered: boolean
  /** The stream as the caller sees it, since when (no earlier than a second ago), and whether it was opened again. */
  stream: "closed" | "opening" | "open"
  streamMs: number
  isReopened: boolean
  /** Whether the server sends it messages. */
  isHeard: boolean
  /** The entry in the queue, once it may have one. */
  channel: string | null
  leaseMs: number
  ticket: number | null
  queued: Queued | null
  /** What it knows of the holder, and since when; whether its timer is that of a stream which opens slowly. */
  known: Known | null
  isPatient: boolean
  isTakenForDead: boolean
  /** For the polls: see QueueSpeed. */
  first: Sample | null
  last: Sample | null
  repeats: number
  msPerPlace: number | null
  inbox: Message[]
  found: string
  steals: number
  /** The hold: until when it is valid. */
  validMs: number
  isLease: boolean
  fence: number | null
  renewal: { failures: number; timerMs: number | null; isDue: boolean } | null
  cleanUp: { triesLeft: number; tries: number; unsettled: number; timerMs: number | null } | null
  /** Whether the hold was valid when its release began, and whether a release may have been executed. */
  wasHeld: boolean
  mayBeReleased: boolean
  /** The database has confirmed that the hold is over; or that its release is. */
  isConfirmedLost: boolean
  hasEndedHold: boolean
  /** How many requests that were given up have settled while the release is under way. */
  settledMeanwhile: number
  /** A call of `once`: when it began, and when the result that it got was settled. */
  beganAt: number | null
  settledAt: number | null
  outcome: string
}

export interface Known {
  readonly ms: number
  readonly foreign: boolean
  readonly place: number
  atMs: number
}

interface Sample {
  readonly place: number
  atMs: number
}

export interface LockState {
  db: number
  callers: Caller[]
  requests: Request[]
  /** The messages on their way to each caller. */
  messages: Message[][]
  faults: number
  /** Whether nothing has gone wrong so far, and each hold was released: then nobody may wait for a free lock. */
  isCalm: boolean
  /** The highest fencing token of all grants so far. */
  highestFence: number | null
}

export function newCaller(): Caller {
  return {
    phase: "idle",
    kind: "claim",
    failures: 0,
    budgetMs: 0,
    outageMs: 0,
    waitMs: 0,
    timerMs: null,
    mayHaveTaken: false,
    isEntered: false,
    stream: "closed",
    streamMs: 0,
    isReopened: false,
    isHeard: false,
    channel: null,
    leaseMs: 0,
    ticket: null,
    queued: null,
    known: null,
    isPatient: false,
    isTakenForDead: false,
    first: null,
    last: null,
    repeats: 0,
    msPerPlace: null,
    inbox: [],
    found: "",
    steals: 0,
    validMs: 0,
    isLease: false,
    fence: null,
    renewal: null,
    cleanUp: null,
    wasHeld: false,
    mayBeReleased: false,
    isConfirmedLost: false,
    hasEndedHold: false,
    settledMeanwhile: 0,
    beganAt: null,
    settledAt: null,
    outcome: "",
  }
}
