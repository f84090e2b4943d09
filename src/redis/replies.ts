// Parses the replies of the scripts: strictly, since they decide which caller holds the lock.
import type { ReleaseResult } from "../events.js"
import { type Instant, now, Validity } from "../time/validity.js"
import { quoted } from "../values/invalid-argument.js"
import { unexpectedReply } from "./redis-error.js"
import type {
  Busy,
  Grant,
  Held,
  LockSnapshot,
  Notice,
  Party,
  Queued,
  LockRequest,
} from "./store.js"
import type { ScanPage } from "./transport.js"

/** A script's reply: its own part, and the messages that it could not publish (channel, message, …). */
export interface ScriptReply {
  readonly answer: readonly unknown[]
  readonly unsent: readonly (readonly [channel: string, message: string])[]
}

/** The most messages that are published for a script: a forged reply must not make us send any number of requests. */
const MOST_UNSENT = 100

/** Splits a reply whose own part has `length` elements. */
export function splitReply(reply: unknown, length: number): ScriptReply {
  if (!Array.isArray(reply) || reply.length < length) throw unexpectedReply()
  const unsent: [string, string][] = []
  for (let i = length; i + 1 < reply.length && unsent.length < MOST_UNSENT; i += 2) {
    unsent.push([readText(reply[i]), readText(reply[i + 1])])
  }
  return { answer: reply.slice(0, length), unsent }
}

/** The number of elements in the reply of acquire.lua. */
export const ACQUIRE_LENGTH = 7

/** The number of elements in the reply of release.lua. */
export const RELEASE_LENGTH = 2

/** The number of elements in the reply of steal.lua. */
export const STEAL_LENGTH = 3

/** Reads the reply of claim.lua to a request that was sent at `sentAt`. */
export function readClaimed(
  reply: unknown,
  sentAt: Instant,
  { ttlMs }: Pick<LockRequest, "ttlMs">,
): Grant | Busy {
  if (!Array.isArray(reply)) throw unexpectedReply()
  const [kind, ms] = reply as unknown[]
  if (kind === "busy") return { kind, holderTtlMs: undefined }
  if (kind !== "granted") throw unexpectedReply()
  // Never longer than requested, even if the reply says so.
  const validity = Validity.ofTtl(sentAt, Math.min(readInteger(ms), ttlMs))
  return { kind, validity, fencingToken: undefined, isLease: false, isUncontended: true }
}

/** Reads the reply of acquire.lua to a request that was sent at `sentAt`. */
export function readAcquired(
  answer: readonly unknown[],
  sentAt: Instant,
  { name, ttlMs, fencing, limit }: LockRequest,
): Grant | Queued | Busy {
  const [kind, ms, fence, time, place, ticket, foreign] = answer
  const left = readInteger(ms)
  if (kind === "granted") {
    return {
      kind,
      // Never longer than requested, even if the reply says so.
      validity: Validity.ofTtl(sentAt, Math.min(left, ttlMs)),
      // A grant without the requested fencing token is refused.
      fencingToken: fencing ? readInteger(fence) : undefined,
      isLease: left < ttlMs,
    }
  }
  // The limit does not matter to a caller that wants the lock exclusively.
  if (kind === "limit" && limit !== undefined) throw otherLimit(name, left, limit)
  const holderTtlMs = left === -1 ? Infinity : Math.max(0, left)
  if (kind === "busy") return { kind, holderTtlMs }
  if (kind !== "queued") throw unexpectedReply()
  return {
    kind,
    holderTtlMs,
    isForeign: readInteger(foreign) === 1,
    place: Math.max(0, readInteger(place)),
    ticket: String(readInteger(ticket)),
    serverTime: { sentAt, micros: readInteger(time) },
  }
}

/** Reads the reply of steal.lua to a request that was sent at `sentAt`. */
export function readStolen(
  reply: unknown,
  sentAt: Instant,
  { ttlMs, fencing }: Pick<LockRequest, "ttlMs" | "fencing">,
): Grant | Held {
  if (!Array.isArray(reply)) throw unexpectedReply()
  const [kind, ms, text] = reply as unknown[]
  if (kind === "held") return { kind, digest: readText(text) }
  if (kind !== "granted") throw unexpectedReply()
  const validity = Validity.ofTtl(sentAt, Math.min(readInteger(ms), ttlMs))
  return { kind, validity, fencingToken: fencing ? readInteger(text) : undefined, isLease: false }
}

/** Reads the reply of read-hold.lua: whether we have the lock, and how long it is held (-2: it is not, -1: forever). */
export function readHeld(reply: unknown): { kind: "held" | "taken" | "gone"; leftMs: number } {
  if (!Array.isArray(reply)) throw unexpectedReply()
  const [kind, ms] = reply as unknown[]
  if (kind !== "held" && kind !== "taken" && kind !== "gone") throw unexpectedReply()
  return { kind, leftMs: readInteger(ms) }
}

/** Reads the reply of snapshot.lua about `count` locks. */
export function readSnapshots(reply: unknown, count: number): LockSnapshot[] {
  if (!Array.isArray(reply) || reply.length !== 2 * count) throw unexpectedReply()
  const lists = reply.map(readParties)
  return Array.from({ length: count }, (_, i) => ({
    held: lists[2 * i] ?? [],
    pending: lists[2 * i + 1] ?? [],
  }))
}

function readParties(list: unknown): Party[] {
  if (!Array.isArray(list)) throw unexpectedReply()
  const parties: Party[] = []
  for (let i = 0; i + 2 < list.length; i += 3) {
    const [client, ms, mode] = list.slice(i, i + 3) as unknown[]
    if (mode !== "exclusive" && mode !== "shared") throw unexpectedReply()
    const left = readInteger(ms)
    parties.push({ clientId: readText(client), ms: left < 0 ? Infinity : left, mode })
  }
  return parties
}

/** All callers that share a lock must use the same limit; another one is a bug of the caller. */
function otherLimit(name: string, theirs: number, ours: number | undefined): RangeError {
  const [has, got] = [theirs || Infinity, ours].map((limit) =>
    limit === Infinity ? "none (a shared lock)" : `${limit} permits`,
  )
  return new RangeError(`permits: ${quoted(name)} is in use with ${has}, got ${got}`)
}

/** Reads a message to a waiter that has just arrived; undefined if it is not valid. */
export function readNotice(message: string): Notice | undefined {
  const [kind, first, lease, fence] = message.split(" ")
  try {
    if (kind === "stolen") return { kind }
    if (kind === "next") return { kind, leaseMs: readInteger(first) }
    if (kind !== "granted") return undefined
    const fencingToken = fence === "" ? undefined : readInteger(fence)
    const [micros, leaseMs] = [readInteger(first), readInteger(lease)]
    return { kind, micros, leaseMs, fencingToken, receivedAt: now() }
  } catch {
    return undefined
  }
}

/** Reads the result of the scripts that end a hold. */
export function readReleased(reply: unknown): ReleaseResult {
  if (reply !== "released" && reply !== "taken" && reply !== "gone") throw unexpectedReply()
  return reply
}

/** The validity of a hold that was extended by a request sent at `sentAt`, or why it was not. */
export function readExtended(
  reply: unknown,
  sentAt: Instant,
  ttlMs: number,
): Validity | "taken" | "gone" | "stolen" {
  if (reply === "taken" || reply === "gone" || reply === "stolen") return reply
  if (reply !== "renewed") throw unexpectedReply()
  return Validity.ofTtl(sentAt, ttlMs)
}

/** A text, which clients that parse replies may have turned into a number, a boolean or null. */
export function readText(value: unknown): string {
  if (typeof value === "string") return value
  // An object could define its own text, or be nested too deeply.
  if (value === undefined || (typeof value === "object" && value !== null)) throw unexpectedReply()
  return JSON.stringify(value)
}

/** An integer, which may be a text: some clients parse replies and some do not. */
export function readInteger(value: unknown): number {
  const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value
  if (typeof number !== "number" || !Number.isSafeInteger(number)) throw unexpectedReply()
  return number
}

/** The reply of SCAN. */
export function readScanPage(reply: unknown): ScanPage {
  const [given, keys] = Array.isArray(reply) ? (reply as unknown[]) : []
  const next = typeof given === "number" ? String(given) : given
  if (!isText(next) || !/^\d+$/.test(next) || !Array.isArray(keys) || !keys.every(isText)) {
    throw unexpectedReply()
  }
  return { next, keys }
}

function isText(value: unknown): value is string {
  return typeof value === "string"
}
