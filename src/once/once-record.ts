// The result of a run, as the scripts store and publish it, and its limits.
import { unexpectedReply } from "../redis/redis-error.js"
import { invalid } from "../values/invalid-argument.js"

/** The end of a run, as it is sent to the database. */
export interface Settlement {
  /** "v": a value. "e": an error. "": the run was given up, and the next caller runs. */
  readonly kind: "v" | "e" | ""
  readonly freshMs: number
  /** How long the record is kept; 0: it is published and not stored. */
  readonly keptMs: number
  readonly text: string
}

export const GIVEN_UP: Settlement = { kind: "", freshMs: 0, keptMs: 0, text: "" }

/** How long a result stays available to joined callers after it is no longer fresh. They claim more often than that. */
export const LINGER_MS = 30_000

/** The largest result in a message, in bytes. A larger one is read by a claim. */
const LARGEST_MESSAGE = 8_192

/** The result of a run. */
export interface OnceRecord {
  readonly kind: "v" | "e"
  /** The server's time in microseconds. */
  readonly settledAt: number
  readonly fingerprint: string
  readonly text: string
}

/** See shared/once.lua. */
const RECORD = /^fl1 [\da-f]{20} (\d+) \d+ (\S+) ([ve]) (\d+) ([^]*)/
/** What it matches, and its groups. */
type Parts = readonly [string, string, string, "v" | "e", string, string]

/** @throws `RedisError` if none of our scripts wrote the record, or if it was cut off on the way. */
export function readRecord(record: unknown): OnceRecord {
  const match = typeof record === "string" ? RECORD.exec(record) : null
  if (!match) throw unexpectedReply()
  const [, settled, fingerprint, kind, bytes, text] = match as unknown as Parts
  if (Number(bytes) !== bytesOf(text)) throw unexpectedReply()
  return { kind, settledAt: Number(settled), fingerprint, text }
}

/** @throws `TypeError` for what UTF-8 cannot carry: a lone surrogate would come back changed. */
export function checkText(option: string, text: unknown): string {
  if (typeof text === "string" && !/\p{Surrogate}/u.test(text)) return text
  throw invalid(option, "a function that returns a well-formed string", text)
}

export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length
}

/** Whether a stream can carry it: a line break would end its frame. */
export function fitsMessage(text: string): boolean {
  return !/[\r\n\u2028\u2029]/.test(text) && bytesOf(text) <= LARGEST_MESSAGE
}
