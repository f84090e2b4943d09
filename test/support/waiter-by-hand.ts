// Plays holders and waiters by hand: runs the scripts as any client of the database could, with entries of its own.
import * as library from "../../src/redis/lua/scripts.js"
import { VOTING_SINCE_KEY, fenceKeys, lockKeys, voteKeys } from "../../src/redis/keys.js"
import { waiterEntry } from "../../src/redis/queue.js"
import { createToken } from "../../src/values/token.js"

/** Sends one command without the library. */
export type SendCommand = (...command: readonly string[]) => Promise<unknown>

/** A waiter that does nothing by itself: it never reacts to a grant. */
export interface WaiterByHand {
  readonly token: string
  readonly entry: string
  readonly channel: string
  /** By which messages on a shared channel name it. */
  readonly number: string
}

let made = 0

export function waiterByHand({
  leaseMs = 20_000,
  fencing = false,
  listens = true,
  limit,
  shares,
}: {
  leaseMs?: number
  fencing?: boolean
  listens?: boolean
  limit?: number
  /** The channel that it shares with other waiters. */
  shares?: string
} = {}) {
  const token = createToken("by-hand")
  const number = String(made++)
  const channel = shares ?? `by-hand-${number}`
  const address = shares === undefined ? channel : `${shares}.${number}`
  const entry = waiterEntry({
    token,
    address: listens ? address : undefined,
    leaseMs,
    fencing,
    limit,
  })
  return { token, entry, channel, number }
}

/** The parts of the reply of acquire.lua. */
export interface AcquireReply {
  readonly kind: unknown
  readonly left: number
  readonly fence: string
  readonly micros: number
  readonly place: number
  readonly ticket: string
  readonly isForeign: boolean
  /** The messages that the script could not publish. */
  readonly unsent: readonly unknown[]
}

const PARTS = ["lock", "queue", "seen", "fence", "holders", "stolen"] as const

/** The local server then enforces the rule that a script touches no key except its own. */
const KEY_LOCKING = "#!lua flags=allow-key-locking\n"

/** The text of each script, by its name. */
export type Scripts = Readonly<Record<keyof typeof library, string>>

/** How the scripts are sent. */
export interface HandOptions {
  /** Lua that stands before the script. */
  readonly prelude?: string
  /** Scripts that are sent instead of the library's own. */
  readonly scripts?: Scripts
}

/** The scripts and the keys of one lock. */
export class LockByHand {
  readonly #send: SendCommand
  readonly #name: string
  readonly #head: string
  readonly #scripts: Scripts

  constructor(
    send: SendCommand,
    name: string,
    { prelude = "", scripts = library }: HandOptions = {},
  ) {
    this.#send = send
    this.#scripts = scripts
    this.#name = name
    this.#head = KEY_LOCKING + prelude
  }

  get keys(): readonly string[] {
    return lockKeys("lock:", this.#name)
  }

  /** One of the keys of the lock. */
  key(part: (typeof PARTS)[number]): string {
    return this.keys[PARTS.indexOf(part)] ?? ""
  }

  value(): Promise<unknown> {
    return this.#send("GET", this.key("lock"))
  }

  /** The entries in the queue, first come first. */
  waiters(): Promise<unknown> {
    return this.#send("ZRANGE", this.key("queue"), "0", "-1")
  }

  /** `SET … NX PX`, as any Redis lock begins. */
  async take(token: string, ttlMs = 30_000): Promise<boolean> {
    return (await this.#send("SET", this.key("lock"), token, "NX", "PX", String(ttlMs))) === "OK"
  }

  /** The first script of an acquire that need not wait. */
  claim(token: string, { ttlMs = 30_000 } = {}): Promise<unknown> {
    return this.#run(this.#scripts.claim, this.keys.slice(0, 1), [token, String(ttlMs)])
  }

  /** The first request of a caller that would wait: a claim, or a place in the queue. */
  claimOrWait(waiter: WaiterByHand, ttlMs = 30_000): Promise<AcquireReply> {
    return this.#acquire(waiter, ttlMs, "claim", "")
  }

  try(waiter: WaiterByHand, ttlMs = 30_000): Promise<AcquireReply> {
    return this.#acquire(waiter, ttlMs, "try", "")
  }

  enqueue(waiter: WaiterByHand, ticket = "", ttlMs = 30_000): Promise<AcquireReply> {
    return this.#acquire(waiter, ttlMs, "enqueue", ticket)
  }

  check(waiter: WaiterByHand, ticket: string, ttlMs = 30_000): Promise<AcquireReply> {
    return this.#acquire(waiter, ttlMs, "check", ticket)
  }

  steal(token: string, found = ""): Promise<unknown> {
    return this.#run(this.#scripts.steal, this.keys, [token, "30000", found, "0"])
  }

  holdIds(): Promise<unknown> {
    return this.#run(this.#scripts.holdIds, this.keys, [])
  }

  snapshot(): Promise<unknown> {
    return this.#run(this.#scripts.snapshot, this.keys, ["6", "1000"])
  }

  /** Its result, and the messages that it could not publish. */
  async release(token: string): Promise<readonly unknown[]> {
    const { result, unsent } = await this.releaseWith(token, "", "0")
    return [result, ...unsent]
  }

  async leave({ token, entry }: WaiterByHand): Promise<readonly unknown[]> {
    const { result, unsent } = await this.releaseWith(token, entry, "0")
    return [result, ...unsent]
  }

  /** A release that tries DELEX first; `lacks` is 1 if there is none. */
  releaseByDelex(token: string) {
    return this.releaseWith(token, "", "1")
  }

  async releaseWith(token: string, entry: string, tryDelex: string) {
    const args = [token, entry, tryDelex]
    const reply = (await this.#run(this.#scripts.release, this.keys, args)) as unknown[]
    const [result, lacks, ...unsent] = reply
    return { result, lacks: Number(lacks), unsent }
  }

  extend(token: string, ttlMs: number): Promise<unknown> {
    return this.#run(this.#scripts.extend, this.keys, [token, String(ttlMs)])
  }

  inspect(): Promise<unknown> {
    return this.#run(this.#scripts.inspect, this.keys.slice(0, 2), [])
  }

  readHold(token: string): Promise<unknown> {
    return this.#run(this.#scripts.readHold, this.keys, [token])
  }

  /** Requests the vote of this database for an attempt of a call. */
  vote(token: string, attempt: number, { ttlMs = 30_000, quarantineMs = 0 } = {}) {
    const args = [token, String(attempt), String(ttlMs), String(quarantineMs)]
    return this.#run(this.#scripts.vote, voteKeys("lock:", this.#name), args) as Promise<unknown[]>
  }

  fence(token: string, fencingToken: number): Promise<unknown> {
    return this.#run(this.#scripts.fence, fenceKeys("lock:", this.#name), [
      token,
      String(fencingToken),
    ])
  }

  /** Lets this database vote at once. */
  start(): Promise<unknown> {
    return this.#run(this.#scripts.start, [VOTING_SINCE_KEY], [])
  }

  /** Makes this database forget that it has ever voted. */
  forget(): Promise<unknown> {
    return this.#send("DEL", VOTING_SINCE_KEY)
  }

  /** Puts a waiter into the queue as one that came at the given time before and has given no sign of life since. */
  async plant(waiter: WaiterByHand, agoMs = 0): Promise<string> {
    const [seconds = "", micros = ""] = (await this.#send("TIME")) as string[]
    const ticket = String(Number(seconds) * 1_000_000 + Number(micros) - agoMs * 1_000)
    await this.#send("ZADD", this.key("queue"), ticket, waiter.entry)
    await this.#send("PEXPIRE", this.key("queue"), "30000")
    return ticket
  }

  /** The milliseconds that each of the remaining keys has to live: -1 for one that would live forever. */
  async remains(): Promise<Readonly<Record<string, number>>> {
    const lives = await Promise.all(this.keys.map((key) => this.#send("PTTL", key)))
    const entries = this.keys.map((key, i) => [key, Number(lives[i])] as const)
    return Object.fromEntries(entries.filter(([, life]) => life !== -2))
  }

  async #acquire(waiter: WaiterByHand, ttlMs: number, action: string, ticket: string) {
    const args = [waiter.entry, String(ttlMs), action, ticket]
    const reply = (await this.#run(this.#scripts.acquire, this.keys, args)) as unknown[]
    const [kind, left, fence, micros, place, given, foreign, ...unsent] = reply
    return {
      kind,
      left: Number(left),
      fence: String(fence),
      micros: Number(micros),
      place: Number(place),
      ticket: String(given),
      isForeign: foreign === 1,
      unsent,
    }
  }

  #run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#send("EVAL", this.#head + script, String(keys.length), ...keys, ...args)
  }
}
