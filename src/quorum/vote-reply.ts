// What one database of a quorum answers when it is asked for its vote. A failure is an answer, too.
import { RedisError, unexpectedReply } from "../redis/redis-error.js"
import { readInteger, readText } from "../redis/replies.js"
import { VoidVoteError } from "./quorum-error.js"

/** No usable answer; whether it was executed is told by the error. */
export interface Failed {
  readonly kind: "failed"
  readonly error: RedisError
}

/** We have its vote. */
export interface Granted {
  readonly kind: "granted"
  readonly leftMs: number
  /** The greatest fencing token that it has noted; 0 if none. */
  readonly lastFence: number
  /** The server's time in microseconds. */
  readonly micros: number
}

/** Somebody else has its vote. */
interface Refused {
  readonly kind: "busy"
  /** How long the holder has left; Infinity where its key never expires. */
  readonly leftMs: number
  /** The holder's value: to tell whether a majority names the same one, and for nothing else. */
  readonly holder: string
}

export type VoteReply = Granted | Refused | Failed

/** Reads the reply of vote.lua. One that may have forgotten to whom it gave its vote counts as failed. */
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

/** The answer, or the failure as one. Anything but a `RedisError` is a mistake of ours and stays a rejection. */
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
  const message = `new, or has lost its memory: it does not vote for another ${seconds} s`
  return new VoidVoteError(message, { outcome: "refused" })
}
