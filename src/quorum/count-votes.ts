// Counts the votes for an attempt to take a lock: granted, held by somebody else, split, or no majority to be had.
import type { Known } from "./until-decided.js"
import type { Granted, VoteReply } from "./vote-reply.js"

/** How a vote has ended. */
export type Verdict =
  | { readonly kind: "granted"; readonly ballots: readonly Granted[] }
  /** Somebody else holds it; one that asks again after so long may find it free. */
  | { readonly kind: "busy"; readonly holderTtlMs: number }
  /**
   * Some votes are ours and some are others'. Nobody has a majority, unless, if it may be held, with the votes of those
   * that gave no answer.
   */
  | { readonly kind: "split"; readonly holderTtlMs: number; readonly mayBeHeld: boolean }
  /** Too many databases failed, or do not vote yet. */
  | { readonly kind: "failed" }

/** Undefined while the votes that are still out can make a difference. */
export function countVotes(known: Known<VoteReply>, majority: number): Verdict | undefined {
  const ballots = known.filter((ballot) => ballot !== undefined)
  const granted = ballots.filter((ballot) => ballot.kind === "granted")
  if (granted.length >= majority) return { kind: "granted", ballots: granted }
  const refused = ballots.filter((ballot) => ballot.kind === "busy")
  const silent = ballots.length - granted.length - refused.length
  const spare = known.length - majority
  if (silent > spare) return { kind: "failed" }
  const holderTtlMs = freeInMs(refused, spare)
  const strongest = votesOfStrongest(refused)
  if (strongest >= majority) return { kind: "busy", holderTtlMs }
  if (ballots.length < known.length) return undefined
  // Whoever got no vote leaves it to those who did: fewer try again at once.
  if (granted.length === 0) return { kind: "busy", holderTtlMs }
  return { kind: "split", holderTtlMs, mayBeHeld: strongest + silent >= majority }
}

/** How many votes the one has who has most of them. */
function votesOfStrongest(refused: readonly { readonly holder: string }[]): number {
  const votes = new Map<string, number>()
  for (const { holder } of refused) votes.set(holder, (votes.get(holder) ?? 0) + 1)
  return Math.max(0, ...votes.values())
}

/** When so few votes are others' that a majority is free, if nobody extends a hold. */
function freeInMs(refused: readonly { readonly leftMs: number }[], spare: number): number {
  const lefts = refused.map(({ leftMs }) => leftMs).sort((a, b) => a - b)
  return lefts[Math.max(0, lefts.length - spare - 1)] ?? Infinity
}
