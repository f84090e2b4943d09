// The rules of the quorum's client that the model follows, each of which can be switched off.

export interface ClientRules {
  /** How many of three votes are a majority. */
  readonly majority: number
  /** How many databases must have extended a hold, and how many must have stored its fencing token. */
  readonly extensions: number
  readonly stores: number
  /** What the clocks may drift apart is not relied on. */
  readonly subtractsDrift: boolean
  /** A hold is valid from when its votes were requested, and not from when they were counted. */
  readonly countsFromRequest: boolean
  /** A database that may have forgotten does not vote for as long as the longest ttl. */
  readonly isQuarantinedForTtl: boolean
  /** Each attempt has a token of its own. */
  readonly numbersAttempts: boolean
  /** After an attempt that failed: votes that were given are withdrawn, those that may have been given, and those that come late. */
  readonly withdrawsVotes: boolean
  readonly withdrawsUnknownVotes: boolean
  readonly withdrawsLateVotes: boolean
  /** A release goes to all databases; to those that it did not reach once more; a late vote is withdrawn, also one that comes while the release is under way. */
  readonly releasesEverywhere: boolean
  readonly repeatsRelease: boolean
  readonly withdrawsAfterRelease: boolean
  readonly notesLateVotes: boolean
  /** A fencing token is above all that the majority knows. */
  readonly countsAllFences: boolean
}

export const CLIENT_RULES: ClientRules = {
  majority: 2,
  extensions: 2,
  stores: 2,
  subtractsDrift: true,
  countsFromRequest: true,
  isQuarantinedForTtl: true,
  numbersAttempts: true,
  withdrawsVotes: true,
  withdrawsUnknownVotes: true,
  withdrawsLateVotes: true,
  releasesEverywhere: true,
  repeatsRelease: true,
  withdrawsAfterRelease: true,
  notesLateVotes: true,
  countsAllFences: true,
}

/** A rule, and the model without it. */
export interface BrokenClient {
  readonly breaks: string
  readonly rules: Partial<ClientRules>
}

export const BROKEN_CLIENTS: readonly BrokenClient[] = [
  { breaks: "a lock needs the votes of a majority", rules: { majority: 1 } },
  { breaks: "a renewal needs a majority", rules: { extensions: 1 } },
  { breaks: "a fencing token counts once a majority has stored it", rules: { stores: 1 } },
  { breaks: "a hold ends early by what clocks may drift apart", rules: { subtractsDrift: false } },
  {
    breaks: "a hold is valid from when its votes were requested",
    rules: { countsFromRequest: false },
  },
  {
    breaks: "the quarantine lasts for the longest ttl",
    rules: { isQuarantinedForTtl: false },
  },
  { breaks: "each attempt has a token of its own", rules: { numbersAttempts: false } },
  { breaks: "the votes of a failed attempt are withdrawn", rules: { withdrawsVotes: false } },
  {
    breaks: "votes that a failed attempt may have are withdrawn",
    rules: { withdrawsUnknownVotes: false },
  },
  {
    breaks: "votes that come after their attempt has failed are withdrawn",
    rules: { withdrawsLateVotes: false },
  },
  { breaks: "a release goes to all databases", rules: { releasesEverywhere: false } },
  {
    breaks: "a release is sent once more to databases that it did not reach",
    rules: { repeatsRelease: false },
  },
  {
    breaks: "a vote that comes after the release is withdrawn",
    rules: { withdrawsAfterRelease: false },
  },
  {
    breaks: "a vote that comes while the release is under way is withdrawn",
    rules: { notesLateVotes: false },
  },
  {
    breaks: "a fencing token is above all that the majority knows",
    rules: { countsAllFences: false },
  },
]
