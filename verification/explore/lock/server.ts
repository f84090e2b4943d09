// Executes the requests of a world of locks: the real scripts, on the database of a state.
import { channelOf } from "./channels.js"
import { absoluteMicros, type Keyspaces, microsFromNow, type Run } from "../keyspaces.js"
import type { Scripts } from "../../../test/support/waiter-by-hand.js"
import { lockKeys, onceKeys } from "../../../src/redis/keys.js"
import { waiterEntry } from "../../../src/redis/queue.js"
import { LINGER_MS } from "../../../src/once/once-record.js"
import { readInteger } from "../../../src/redis/replies.js"
import { microsOffset } from "./micros.js"
import type { LockState, Message, Reply, Request, Terms } from "./state.js"
import { Violation } from "../world.js"

/** The keys of the one lock of a world. */
export const KEYS = lockKeys("lock:", "n")
export const ONCE_KEYS = onceKeys("lock:", "n")

const SCRIPT_OF = {
  claim: "claim",
  try: "acquire",
  look: "readHold",
  enqueue: "acquire",
  check: "acquire",
  extend: "extend",
  release: "release",
  leave: "release",
  steal: "steal",
  "once-claim": "onceClaim",
  "once-extend": "onceExtend",
  "once-settle": "onceSettle",
} as const

/** The script of a request; none opens a stream. */
export function scriptOf(kind: Request["kind"]): string {
  return kind === "listen" ? "" : SCRIPT_OF[kind]
}

export class LockServer {
  readonly #keyspaces: Keyspaces
  readonly #scripts: Scripts
  readonly #terms: readonly Terms[]

  constructor(keyspaces: Keyspaces, scripts: Scripts, terms: readonly Terms[]) {
    this.#keyspaces = keyspaces
    this.#scripts = scripts
    this.#terms = terms
  }

  /** The arguments of a request's script, as the library sends them. */
  argumentsOf(request: Request, terms: Terms): string[] {
    const token = tokenOf(terms)
    const { channel, ticket, found } = request
    const { ttlMs, fencing } = terms
    const at = ticket === null ? "" : absoluteMicros(ticket)
    const entry = (on: string) =>
      waiterEntry({
        token,
        ...(on !== "-" && { address: on }),
        leaseMs: request.kind === "try" ? ttlMs : request.leaseMs,
        fencing,
        limit: terms.limit,
      } as Parameters<typeof waiterEntry>[0])
    switch (request.kind) {
      case "claim":
        return [token, String(ttlMs)]
      case "try":
        return [entry("-"), String(ttlMs), "try", ""]
      case "enqueue":
        return [entry(channel), String(ttlMs), mayClaim(request, terms) ? "claim" : "enqueue", at]
      case "check":
        return [entry(channel), String(ttlMs), "check", at]
      case "look":
        return [token]
      case "extend":
        return [token, String(request.ttlMs)]
      case "release":
        return [token, "", "0"]
      case "leave":
        return [token, entry(channel), "0"]
      case "steal":
        return [token, String(ttlMs), found, fencing ? "1" : "0"]
      case "once-claim":
        return [token, String(ttlMs), at, "0", "-", "3", "0", "60000"]
      case "once-extend":
        return [token, String(request.ttlMs)]
      case "once-settle":
        return settlementOf(request, terms)
      case "listen":
        return []
    }
  }

  /** Runs a request's script. The state's database changes, and messages are on their way. */
  execute(state: LockState, request: Request): Run {
    const terms = this.#termsOf(request.caller)
    if (request.kind === "listen") throw new Error("a stream is not a script")
    const keys = terms.once ? ONCE_KEYS : request.kind === "claim" ? KEYS.slice(0, 1) : KEYS
    const run = this.#keyspaces.run(
      state.db,
      microsOffset(state, this.#keyspaces),
      this.#scripts[SCRIPT_OF[request.kind]],
      keys,
      this.argumentsOf(request, terms),
      state.callers.flatMap(({ isHeard }, i) => (isHeard ? [channelOf(this.#termsOf(i))] : [])),
    )
    if (run.error !== undefined) throw new Violation(`the script failed: ${run.error}`)
    state.db = run.after
    for (const [channel, message] of run.published) this.#publish(state, channel, message)
    return run
  }

  #publish(state: LockState, channel: string, text: string): void {
    const receivers = this.#terms.flatMap((terms, i) => (channelOf(terms) === channel ? [i] : []))
    if (receivers.length === 0) {
      throw new Violation(`a message for nobody: "${text}" on "${channel}"`)
    }
    for (const to of receivers) {
      if (state.callers[to]?.isHeard) state.messages[to]?.push(readMessage(text))
    }
  }

  #termsOf(caller: number): Terms {
    const terms = this.#terms[caller]
    if (!terms) throw new Error(`there is no caller ${caller}`)
    return terms
  }
}

/** A first request takes a free lock without checking the queue. */
export function mayClaim({ kind, ticket }: Request, { fencing }: Terms): boolean {
  return kind === "enqueue" && ticket === null && !fencing
}

/** The result of a run is the name of its caller. */
function settlementOf({ isGivenUp }: Request, terms: Terms): string[] {
  const token = tokenOf(terms)
  if (isGivenUp) return [token, "", "-", "0", "0", "0", "1", ""]
  const text = JSON.stringify(terms.name)
  const freshMs = terms.once?.rememberMs ?? 0
  const keptMs = freshMs + LINGER_MS
  return [token, "v", "-", String(freshMs), String(keptMs), String(text.length), "1", text]
}

/** When a record was settled. */
function settledIn(record: unknown): number {
  const match = /^fl1 [0-9a-f]{20} (\d+) \d+ /.exec(String(record))
  if (!match) throw unexpected("record", record)
  return microsIn(match[1])
}

export function tokenOf({ name, watches }: Terms): string {
  return `fl_${name}${watches ? ".w" : ""}`
}

/** A script's reply, as far as the caller uses it; read as strictly as the library does. */
export function readReply(request: Request, raw: unknown): Reply {
  try {
    return parseReply(request, raw)
  } catch (error) {
    throw error instanceof Violation ? error : unexpected("reply", raw)
  }
}

function unexpected(what: string, raw: unknown): Violation {
  return new Violation(`an unexpected ${what}: ${JSON.stringify(raw)}`)
}

function parseReply(request: Request, raw: unknown): Reply {
  if (!Array.isArray(raw)) return { kind: "done", result: String(raw) }
  const [kind, first, second, third, place, ticket, foreign] = raw as unknown[]
  if (request.kind === "look")
    return { kind: "looked", ms: kind === "held" ? null : leftMsIn(first) }
  switch (kind) {
    case "granted": {
      const fence = second === undefined || second === "" ? null : microsIn(second)
      return { kind, ms: readInteger(first), fence }
    }
    case "queued":
      return {
        kind,
        ms: readInteger(first),
        foreign: readInteger(foreign) === 1,
        place: readInteger(place),
        ticket: microsIn(ticket),
        micros: microsIn(third),
      }
    case "busy":
      return { kind, ms: readInteger(first ?? 0) }
    case "held":
      return { kind, found: String(second) }
    case "lead":
      return { kind: "granted", ms: readInteger(first), fence: null }
    case "running":
      return { kind, ms: readInteger(first), since: microsIn(second) }
    case "done":
    case "old":
      return { kind: "record", settled: settledIn(first) }
    case "mismatch":
    case "exhausted":
      return { kind: "refused", reason: kind }
    case "released":
    case "taken":
    case "gone":
      return { kind: "done", result: kind }
    default:
      throw unexpected("reply", raw)
  }
}

function readMessage(text: string): Message {
  const [kind, first, lease, fence] = text.split(" ")
  try {
    if (kind === "stolen" || kind === "read" || kind === "free") return { kind }
    if (kind === "fl1") return { kind: "record", settled: settledIn(text) }
    if (kind === "next") return { kind, ms: readInteger(first) }
    if (kind !== "granted") throw unexpected("message", text)
    return {
      kind,
      micros: microsIn(first),
      leaseMs: readInteger(lease),
      fence: fence ? microsIn(fence) : null,
      receivedMs: 0,
    }
  } catch {
    throw unexpected("message", text)
  }
}

function microsIn(text: unknown): number {
  return microsFromNow(readInteger(text))
}

/** -1: forever; -2: it is free. */
function leftMsIn(pttl: unknown): number {
  const ms = readInteger(pttl)
  return ms === -2 ? 0 : ms
}
