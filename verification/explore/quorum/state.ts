// The state of a world of a quorum: its databases, its callers, and what travels between them. Times are in ms from now.

/** How a caller calls. */
export interface QuorumTerms {
  readonly name: string
  readonly token: string
  readonly waitMs: number
  readonly ttlMs: number
  readonly fencing: boolean
  readonly renews: boolean
}

const PLAIN = { waitMs: 0, ttlMs: 10_000, fencing: false, renews: false }

/**
 * The callers A, B and C. The tokens begin alike and go on with digits, so a script that does not compare all of a token takes one for
 * another.
 */
export function quorumCallersWith(terms: readonly Partial<QuorumTerms>[]): readonly QuorumTerms[] {
  return terms.map((each, i) => ({
    ...PLAIN,
    ...each,
    name: "ABC"[i] ?? "",
    token: `fl_A${"01".repeat(i)}`,
  }))
}

export type Kind = "vote" | "fence" | "extend" | "release"

/** What becomes of a reply. */
export type Role =
  /** The caller decides by it, together with those of the other databases. */
  | "main"
  /** The caller has decided without it: what the request did or may have done is withdrawn. */
  | "straggler"
  /** A vote that was not needed: if it comes after the release, it is withdrawn. */
  | "tracked"
  | "withdrawal"
  /** It makes no difference any more, but is still awaited. */
  | "ignored"
  /** It was given up, or is a copy. */
  | "nobody"

/** A request to one database, until its reply is delivered. */
export interface Request {
  readonly caller: number
  readonly kind: Kind
  /** The number of the attempt whose token it carries. */
  readonly attempt: number
  /** The fencing token to be stored. */
  fence: number | null
  role: Role
  /** Until when its reply is awaited. */
  deadlineMs: number
  /** Of a withdrawal. */
  retry: Retry | null
  /** Once it was executed. */
  reply: Reply | null
}

/** How often a withdrawal was sent, for how long it may be repeated, and whether it has to be made once more. */
export interface Retry {
  readonly tries: number
  budgetMs: number
  readonly isTwice: boolean
}

/** A withdrawal that pauses before its next try. */
export interface Pausing extends Retry {
  readonly caller: number
  readonly attempt: number
  timerMs: number
}

export type VoteReply =
  | {
      readonly kind: "granted"
      readonly leftMs: number
      /** For a fencing token only: the greatest that is stored, and the server's time. */
      lastFence: number | null
      micros: number | null
    }
  | { readonly kind: "busy"; readonly leftMs: number; readonly holder: string }
  | { readonly kind: "young" }

export type OtherResult = "noted" | "renewed" | "released" | "taken" | "gone"

export type Reply = VoteReply | { readonly kind: "done"; readonly result: OtherResult }

/** `late`: it was given up at its deadline. */
export type KnownVote = VoteReply | { readonly kind: "broken" | "late" }

/** What a caller knows of one database. */
export interface Known {
  /** Its reply in the latest attempt. */
  vote: KnownVote | null
  /** Its reply to what the caller does now: storing its fencing token, extending, releasing. */
  other: OtherResult | "failed" | null
  /** A vote that the grant did not need has come while the release was under way. */
  isLate: boolean
}

export interface NodeState {
  /** How far its clock is ahead of the others. */
  readonly skewMs: number
  /** The contents of the database. */
  db: number
  requests: Request[]
  pausing: Pausing[]
  /** What each caller knows of it. */
  known: Known[]
}

/** What a call does at the moment. */
export type Phase =
  | "idle"
  | "voting"
  /** The second round: its fencing token is being stored. */
  | "minting"
  /** Pauses after a split vote. */
  | "split"
  /** Pauses after a failure. */
  | "pausing"
  /** Pauses since another caller has the lock. */
  | "waiting"
  | "holding"
  /** It had the lock, and has noticed that it has lost it. */
  | "lost"
  | "releasing"
  | "over"
  | "dead"

export interface Caller {
  phase: Phase
  /** The number of its latest attempt. */
  attempt: number
  /** How many attempts in a row had a split vote; how many requests in a row failed; how often the lock was busy. */
  splits: number
  failures: number
  refusals: number
  /** Whether it has waited before. */
  isQueued: boolean
  /** Until when its wait lasts; until when it repeats its request, without and with a freeze; until when it rides out an outage. */
  waitMs: number
  budgetMs: number
  ownBudgetMs: number
  outageMs: number
  /** All attempts after split votes together: their limit, and the rest of it. */
  roundMs: number
  roundLeftMs: number
  /** How long each database may take to vote. */
  voteMs: number
  /** When it does something by itself. */
  timerMs: number | null
  /** When its votes, or its extensions, were sent. */
  sentMs: number
  /** The hold: until when it is valid. */
  validMs: number
  fence: number | null
  renewal: { failures: number; timerMs: number | null; isSent: boolean } | null
  /** A release: how often it was sent. After an abort, it belongs to nobody. */
  release: Release | null
  /** Whether the hold was valid when its release began, whether a release may have been executed, and whether one was. */
  wasHeld: boolean
  mayBeReleased: boolean
  hasEndedHold: boolean
  /** Whether another caller was active during this call. */
  hasCompany: boolean
  /** The call has ended, and a request of it goes on. */
  isAborted: boolean
}

export interface Release {
  /** Of the holder; or of a call that was aborted before its grant. */
  readonly by: "holder" | "clean-up"
  tries: number
  /** Of a clean-up. */
  triesLeft: number
  unsettled: number
  /** Whether replies are awaited; if not, it pauses, or waits for a late vote. */
  isSent: boolean
}

export interface QuorumState {
  nodes: NodeState[]
  callers: Caller[]
  /** For the reader: which database each one is, since those in the same state are interchangeable; and how each call has ended. */
  labels: number[]
  outcomes: string[]
  faults: number
  hasForgotten: boolean
  hasDrifted: boolean
  /** Nothing has gone wrong so far. */
  isCalm: boolean
  /** No request may be executed that was given up, and nobody has died: what is over has left nothing behind. */
  isClean: boolean
  /** The highest fencing token of all grants so far. */
  highestFence: number | null
}

export function newCaller(): Caller {
  return {
    phase: "idle",
    attempt: 0,
    splits: 0,
    failures: 0,
    refusals: 0,
    isQueued: false,
    waitMs: 0,
    budgetMs: 0,
    ownBudgetMs: 0,
    outageMs: 0,
    roundMs: 0,
    roundLeftMs: 0,
    voteMs: 0,
    timerMs: null,
    sentMs: 0,
    validMs: 0,
    fence: null,
    renewal: null,
    release: null,
    wasHeld: false,
    mayBeReleased: false,
    hasEndedHold: false,
    hasCompany: false,
    isAborted: false,
  }
}

export function unknown(): Known {
  return { vote: null, other: null, isLate: false }
}
