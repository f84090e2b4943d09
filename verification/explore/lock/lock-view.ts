// The lock as a database has it, read from its keys.
import { type Keyspaces, pairsOf, type Run } from "../keyspaces.js"
import { channelOf } from "./channels.js"
import { KEYS } from "./server.js"
import type { LockState, Reply, Request, Terms } from "./state.js"

const [LOCK = "", QUEUE = "", SEEN = "", , HOLDERS = "", STOLEN = ""] = KEYS
/** The longest life of the queue and of its heartbeats. */
const QUEUE_LIFE_MS = 30_000

export interface Waiting {
  readonly token: string
  readonly channel: string
  readonly leaseMs: number
  readonly ticket: string
  /** How long ago it came. */
  readonly ageMs: number
  /** How long ago it came, or checked. */
  readonly signMs: number
}

/** One key of the lock: how long it lives, and how long it may live. */
interface Life {
  readonly key: string
  readonly leftMs: number | undefined
  readonly longestMs: number
}

export interface LockView {
  readonly isFree: boolean
  readonly isFlagged: boolean
  /** Undefined while it is exclusive. */
  readonly limit: number | undefined
  /** The time that each holder has left. */
  readonly holders: ReadonlyMap<string, number>
  readonly queue: readonly Waiting[]
  /** The waiters with a heartbeat. */
  readonly heartbeats: readonly string[]
  /** The tokens that it was stolen from. */
  readonly stolen: readonly string[]
  readonly lives: readonly Life[]
  /** How long the keys of shared holds live; undefined if there is none. */
  readonly sharedLives: readonly (number | undefined)[]
  /** Whether a list of shared holds exists. */
  readonly hasList: boolean
}

/** One execution of a script, with the lock before and after it. */
export interface Execution {
  readonly request: Request
  readonly terms: Terms
  readonly token: string
  readonly was: LockView
  readonly is: LockView
  readonly published: Run["published"]
  readonly reply: Reply
  /** Whether somebody listens on a channel. */
  readonly isHeard: (channel: string) => boolean
}

export class LockViews {
  readonly #keyspaces: Keyspaces
  readonly #longestTtlMs: number
  readonly #views = new Map<number, LockView>()

  constructor(keyspaces: Keyspaces, terms: readonly Terms[]) {
    this.#keyspaces = keyspaces
    this.#longestTtlMs = Math.max(...terms.map(({ ttlMs }) => ttlMs))
  }

  of(db: number): LockView {
    let view = this.#views.get(db)
    if (!view) this.#views.set(db, (view = this.#read(db)))
    return view
  }

  #read(db: number): LockView {
    const key = (name: string) => this.#keyspaces.key(db, name)
    const pairs = (name: string) => pairsOf(key(name)?.value ?? [])
    const lock = key(LOCK)
    const text = lock?.value[0] ?? ""
    const isFlagged = text.endsWith("+")
    const value = isFlagged ? text.slice(0, -1) : text
    const heartbeats = new Map(pairs(SEEN))
    const queue = pairs(QUEUE).map(([entry, ticket]) => {
      const [token = "", channel = "", lease] = entry.split(" ")
      const checked = heartbeats.get(token)
      const ageMs = agoMs(ticket)
      const signMs = checked === undefined ? ageMs : Math.min(ageMs, agoMs(checked))
      return { token, channel, leaseMs: Number(lease), ticket, ageMs, signMs }
    })
    const shared = /^fl_#(\d+)#/.exec(value)
    const holders = new Map<string, number>()
    if (shared) {
      for (const [token, ends] of pairs(HOLDERS)) {
        const leftMs = Number(ends.slice(1, -1))
        if (leftMs > 0) holders.set(token, leftMs)
      }
    } else if (lock) {
      holders.set(value, lock.leftMs ?? Infinity)
    }
    return {
      isFree: !lock,
      isFlagged,
      limit: shared ? Number(shared[1]) || Infinity : undefined,
      holders,
      queue,
      heartbeats: [...heartbeats.keys()],
      stolen: key(STOLEN)?.value ?? [],
      lives: this.#keyspaces.keysOf(db).map((one) => ({
        key: one.key,
        leftMs: one.leftMs,
        longestMs: this.#longestLifeMs(one.key),
      })),
      sharedLives: [lock?.leftMs, key(HOLDERS)?.leftMs],
      hasList: key(HOLDERS) !== undefined,
    }
  }

  #longestLifeMs(key: string): number {
    if (key === LOCK || key === HOLDERS || key === STOLEN) return this.#longestTtlMs
    return key === QUEUE || key === SEEN ? QUEUE_LIFE_MS : Infinity
  }
}

/** Which channels have a listener. */
export function listenersOf(
  { callers }: LockState,
  terms: readonly Terms[],
): (channel: string) => boolean {
  return (channel) => terms.some((one, i) => channelOf(one) === channel && callers[i]?.isHeard)
}

/** Whether a script may hand the lock on. */
export function passesOn({ kind }: Request): boolean {
  return (
    kind === "enqueue" ||
    kind === "check" ||
    kind === "release" ||
    kind === "leave" ||
    kind === "try"
  )
}

function agoMs(ticket: string): number {
  return -Number(ticket.slice(1, -1)) / 1_000
}
