// What a run came to, as the scripts store and publish it, and what may be stored.
import { unexpectedReply } from "../redis/redis-error.js"

/** What is sent when a run ends. */
export interface Settlement {
  /** A value, an error, or nothing: the run was given up and the next caller runs. */
  readonly kind: "v" | "e" | ""
  readonly freshMs: number
  /** For how long it is kept; 0: it is published alone. */
  readonly keptMs: number
  readonly text: string
}

export const GIVEN_UP: Settlement = { kind: "", freshMs: 0, keptMs: 0, text: "" }

/** So long a result is there for those who joined, beyond its freshness: they ask more often than that. */
export const LINGER_MS = 30_000

/** What travels in the message itself; a longer result is read by a claim. */
const LARGEST_MESSAGE = 8_192

/** What a run came to. */
export interface OnceRecord {
  readonly kind: "v" | "e"
  /** The server's time in microseconds. */
  readonly settledAt: number
  readonly fingerprint: string
  readonly text: string
}

/** See shared/once.lua. */
const RECORD = /^fl1 [\da-f]{20} (\d+) \d+ (\S+) ([ve]) (\d+) ([^]*)$/

/** @throws `RedisError` for what no script of ours has written, or what was cut on the way. */
export function readRecord(record: unknown): OnceRecord {
  const match = typeof record === "string" ? RECORD.exec(record) : null
  const [, settled, fingerprint = "", kind, bytes, text = ""] = match ?? []
  if (Number(bytes) !== bytesOf(text)) throw unexpectedReply()
  return { kind: kind as "v" | "e", settledAt: Number(settled), fingerprint, text }
}

export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length
}

/** Whether a stream can carry it: a line break would end its frame. */
export function fitsMessage(text: string): boolean {
  return !/[\r\n\u2028\u2029]/.test(text) && bytesOf(text) <= LARGEST_MESSAGE
}
