// The reply of one database of a quorum to a request for its vote. A failure counts as a reply, too.
import { RedisError, unexpectedReply } from "../redis/redis-error.js"
import { readInteger, readText } from "../redis/replies.js"
import { VoidVoteError } from "./quorum-error.js"

/** No usable reply; the error says whether the request may have been executed. */
export interface Failed {
  readonly kind: "failed"
  readonly error: RedisError
}

/** We have its vote. */
export interface Granted {
  readonly kind: "granted"
  readonly leftMs: number
  /** The greatest fencing token that it has stored; 0 if none. */
  readonly lastFence: number
  /** The server's time in microseconds. */
  readonly micros: number
}

/** Another holder has its vote. */
interface Refused {
  readonly kind: "busy"
  /** How long the holder has left; Infinity where its key never expires. */
  readonly leftMs: number
  /** The holder's value; only compared, to find out whether a majority names the same holder. */
  readonly holder: string
}

export type VoteReply = Granted | Refused | Failed

/** Reads the reply of vote.lua. A database that may have forgotten its vote counts as failed. */
export function readVoteReply(reply: unknown): Exclude<VoteReply, Failed> {
  if (!Array.isArray(reply)) throw unexpectedReply()
  const [kind, number, ...rest] = reply as unknown[]
  const ms = readInteger(number)
  if (kind === "young") throw tooYoung(ms)
  if (kind === "busy") {
    return { kind, leftMs: ms === -1 ? Infinity : Math.max(0, ms), holder: readText(rest[0]) }
  }
  if (kind !== "granted") throw unexpectedReply()
  return { kind, leftMs: ms, lastFence: readInteger(rest[0]), micros: readInteger(rest[1]) }
}

/** Turns a `RedisError` into a reply. Any other error is a bug of ours and stays a rejection. */
export async function orFailed<A>(answer: Promise<A>): Promise<A | Failed> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof RedisError) return { kind: "failed", error }
    throw error
  }
}

function tooYoung(forMs: number): VoidVoteError {
  const seconds = Math.ceil(forMs / 1_000)
  const message = `new, or lost its memory: does not vote for another ${seconds} s`
  return new VoidVoteError(message, { outcome: "refused" })
}
