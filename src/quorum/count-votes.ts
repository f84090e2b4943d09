// Counts the votes for an attempt to take a lock: granted, held by another holder, split, or no majority available.
import type { Known } from "./until-decided.js"
import type { Granted, VoteReply } from "./vote-reply.js"

/** The result of a vote. */
export type Verdict =
  | { readonly kind: "granted"; readonly votes: readonly Granted[] }
  /** Another holder has it; it may be free after `holderTtlMs`. */
  | { readonly kind: "busy"; readonly holderTtlMs: number }
  /**
   * Some votes are ours and some are others'. No caller is known to have a majority; if `mayBeHeld`, one may have it with
   * the votes of the databases that gave no reply.
   */
  | { readonly kind: "split"; readonly holderTtlMs: number; readonly mayBeHeld: boolean }
  /** Too many databases failed, or do not vote yet. */
  | { readonly kind: "failed" }

/** Undefined while the missing replies can still make a difference. */
export function countVotes(known: Known<VoteReply>, majority: number): Verdict | undefined {
  const replies = known.filter((reply) => reply !== undefined)
  const granted = replies.filter((reply) => reply.kind === "granted")
  if (granted.length >= majority) return { kind: "granted", votes: granted }
  const refused = replies.filter((reply) => reply.kind === "busy")
  const failed = replies.length - granted.length - refused.length
  const spare = known.length - majority
  if (failed > spare) return { kind: "failed" }
  const holderTtlMs = freeInMs(refused, spare)
  const strongest = votesOfStrongest(refused)
  if (strongest >= majority) return { kind: "busy", holderTtlMs }
  if (replies.length < known.length) return undefined
  // A caller without any vote leaves the split to those that have some, so fewer retry at once.
  if (granted.length === 0) return { kind: "busy", holderTtlMs }
  return { kind: "split", holderTtlMs, mayBeHeld: strongest + failed >= majority }
}

/** The number of votes of the holder that has most. */
function votesOfStrongest(refused: readonly { readonly holder: string }[]): number {
  const votes = new Map<string, number>()
  for (const { holder } of refused) votes.set(holder, (votes.get(holder) ?? 0) + 1)
  return Math.max(0, ...votes.values())
}

/** When a majority of the votes is free, if no hold is extended. */
function freeInMs(refused: readonly { readonly leftMs: number }[], spare: number): number {
  const lefts = refused.map(({ leftMs }) => leftMs).sort((a, b) => a - b)
  return lefts[Math.max(0, lefts.length - spare - 1)] ?? Infinity
}
