// The judge of lock-outs: how long a lock was free while a live client waited, compared with the allowed time.
import { type Allowance, allow } from "./allowance.js"
import { LONG_TTL_MS, TIMEOUT_MS } from "../times.js"
import type { Hold, Wait } from "./hold.js"
import type { Setbacks } from "./setbacks.js"

/** The time between two holds in which a live client waited for the free lock. */
export interface LockOut {
  readonly name: string
  readonly from: number
  readonly ms: number
  readonly allowance: Allowance
}

type Step =
  | { readonly at: number; readonly holds: 1 | -1; readonly hold: Hold }
  | { readonly at: number; readonly waits: 1 | -1 }
  /** A waiter died, was given up or cannot be notified, and its hold or its place in the queue may be left. */
  | { readonly at: number; readonly deadMs: number }
  /** A waiter that had asked for the lock at `since` was granted it. */
  | { readonly at: number; readonly since: number }

interface Name {
  steps: Step[]
  holding: number
  waiting: number
  /** Since when it is free while a caller waits. */
  lockedOutSince: number | undefined
  /** The same since the last hold: since when, and the total time. Between two waits there may have been no waiter. */
  wantedSince: number | undefined
  lockedOutMs: number
  /** It was too long, and has been reported. */
  isAccused: boolean
  /** The end of the last hold. */
  freeSince: number
  /** Holds that were not released, so their keys may be left. */
  unreleased: Hold[]
  /** Dead waiters that may still be in the queue: when each died, and what it may cost. */
  dead: { readonly at: number; readonly ms: number }[]
}

/** The longest time by which a request of a dead waiter may be executed late. */
const LATE_MS = 2_000

export class LockOuts {
  readonly #setbacks: Setbacks
  readonly #names = new Map<string, Name>()
  #longest: LockOut | undefined
  #closest: LockOut | undefined

  constructor(setbacks: Setbacks) {
    this.#setbacks = setbacks
  }

  get longest(): LockOut | undefined {
    return this.#longest
  }

  /** The lock-out that used the largest part of its allowance. */
  get closest(): LockOut | undefined {
    return this.#closest
  }

  addHold(hold: Hold): void {
    const { steps } = this.#at(hold.name)
    steps.push({ at: hold.from, holds: 1, hold })
    steps.push({ at: Math.max(hold.from, hold.looseUntil), holds: -1, hold })
  }

  addWait({ name, client, from, until = from, outcome, ttlMs }: Wait): void {
    const { steps } = this.#at(name)
    for (const [begin, end] of this.#setbacks.aliveBetween(client, from, until)) {
      steps.push({ at: begin, waits: 1 }, { at: end, waits: -1 })
      // A pause began there: to the others, a paused waiter is as good as dead.
      if (end < until) steps.push({ at: end, deadMs: ttlMs })
    }
    if (outcome === "granted") steps.push({ at: until, since: from })
    else if (this.#setbacks.diedSoonAfter(client, until, LATE_MS)) {
      steps.push({ at: until, deadMs: ttlMs })
    } else {
      this.#setbacks.struck(name, until, outcome === "backend" ? "unknown" : "leave")
    }
  }

  /** The lock has a hold or a place in its queue that nobody uses: its waiter cannot be notified, or was given up. */
  orphaned(name: string, at: number): void {
    this.#at(name).steps.push({ at, deadMs: LONG_TTL_MS })
  }

  /** Advances to a time before which everything is known. @returns the lock-outs that were too long */
  advance(to: number): readonly LockOut[] {
    return [...this.#names].flatMap(([name, state]) => {
      const due = state.steps.filter(({ at }) => at <= to).sort((a, b) => a.at - b.at)
      state.steps = state.steps.filter(({ at }) => at > to)
      return due.flatMap((step) => this.#take(name, state, step) ?? [])
    })
  }

  #at(name: string): Name {
    const known = this.#names.get(name)
    if (known) return known
    const made = { steps: [], holding: 0, waiting: 0, dead: [] }
    const never = { lockedOutSince: undefined, wantedSince: undefined, lockedOutMs: 0 }
    const state: Name = {
      ...made,
      ...never,
      isAccused: false,
      freeSince: -Infinity,
      unreleased: [],
    }
    this.#names.set(name, state)
    return state
  }

  #take(name: string, state: Name, step: Step): LockOut | undefined {
    if ("deadMs" in step) state.dead.push({ at: step.at, ms: step.deadMs })
    if ("holds" in step) {
      state.holding += step.holds
      if (step.holds < 0) this.#noteEnd(state, step.hold)
    }
    if ("waits" in step) state.waiting += step.waits
    const isLockedOut = state.waiting > 0 && state.holding === 0
    const since = state.lockedOutSince
    let tooLong: LockOut | undefined
    if (since !== undefined && !isLockedOut) {
      state.wantedSince ??= since
      state.lockedOutMs += step.at - since
      tooLong = this.#judge(name, state, state.wantedSince, step.at)
    }
    state.lockedOutSince = isLockedOut ? (since ?? step.at) : undefined
    if (state.holding > 0) {
      state.wantedSince = undefined
      state.lockedOutMs = 0
      state.isAccused = false
    }
    // The queue is served in order: a waiter that came after the dead ones was granted the lock, so they have left it.
    if ("since" in step) state.dead = state.dead.filter(({ at }) => at + LATE_MS > step.since)
    return tooLong
  }

  #noteEnd(state: Name, hold: Hold): void {
    const { looseUntil, releasedAt = Infinity } = hold
    state.freeSince = looseUntil
    state.unreleased = state.unreleased.filter((it) => it.looseUntil + it.ttlMs > looseUntil)
    // A release that took longer than one request was retried: until then the key existed.
    if (releasedAt > looseUntil + TIMEOUT_MS) state.unreleased.push(hold)
  }

  /** The lock-out, if it was too long and has not been reported. */
  #judge(name: string, state: Name, from: number, to: number): LockOut | undefined {
    const ms = state.lockedOutMs
    if (ms <= 0) return undefined
    const { freeSince, dead } = state
    const unreleasedMs = state.unreleased
      .filter(({ looseUntil, ttlMs }) => looseUntil + ttlMs > from)
      .map(({ ttlMs }) => ttlMs)
    const deadMs = dead.map(({ ms }) => ms)
    const allowance = allow({ name, from, to, freeSince, unreleasedMs, deadMs }, this.#setbacks)
    const lockOut = { name, from, ms, allowance }
    if (ms > (this.#longest?.ms ?? 0)) this.#longest = lockOut
    if (shareOf(lockOut) > (this.#closest ? shareOf(this.#closest) : 0)) this.#closest = lockOut
    if (ms <= allowance.ms || state.isAccused) return undefined
    state.isAccused = true
    return lockOut
  }
}

/** The used part of its allowance. */
function shareOf({ ms, allowance }: LockOut): number {
  return ms / allowance.ms
}
