// The judge of lock-outs: for how long somebody alive waited for a lock that nobody held, against what explains it.
import { type Allowance, allow } from "./allowance.js"
import { LONG_TTL_MS, TIMEOUT_MS } from "../times.js"
import type { Hold, Wait } from "./hold.js"
import type { Setbacks } from "./setbacks.js"

/** The time in which somebody alive waited and nobody held the lock, between two holds. */
export interface LockOut {
  readonly name: string
  readonly from: number
  readonly ms: number
  readonly allowance: Allowance
}

type Step =
  | { readonly at: number; readonly holds: 1 | -1; readonly hold: Hold }
  | { readonly at: number; readonly waits: 1 | -1 }
  /** A waiter died, or cannot hear of its grant, and may still have its place in the queue. */
  | { readonly at: number; readonly deadMs: number }
  /** Somebody was granted the lock who had asked for it at `since`. */
  | { readonly at: number; readonly since: number }

interface Name {
  steps: Step[]
  holding: number
  waiting: number
  /** Since when nobody holds it while somebody waits. */
  lockedOutSince: number | undefined
  /** The same since the last hold: since when, and for how long all in all; between two waits it may have been wanted by nobody. */
  wantedSince: number | undefined
  lockedOutMs: number
  /** It was too long, and that was said. */
  isAccused: boolean
  /** When the hold ended that ended last. */
  freeSince: number
  /** Holds that were not released, of which the key may be left. */
  unreleased: Hold[]
  /** When waiters died that may still be in the queue, and what each may cost. */
  dead: { readonly at: number; readonly ms: number }[]
}

/** A request of a waiter that died may be executed so much later. */
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

  /** The one that used most of what it was allowed. */
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
      // A pause began there: whoever is paused is as dead to the others.
      if (end < until) steps.push({ at: end, deadMs: ttlMs })
    }
    if (outcome === "granted") steps.push({ at: until, since: from })
    else if (this.#setbacks.diedSoonAfter(client, until, LATE_MS)) {
      steps.push({ at: until, deadMs: ttlMs })
    } else {
      this.#setbacks.struck(name, until, outcome === "backend" ? "unknown" : "leave")
    }
  }

  /** A waiter of that lock cannot hear of its grant. */
  deafened(name: string, at: number): void {
    this.#at(name).steps.push({ at, deadMs: LONG_TTL_MS })
  }

  /** Goes on to a moment before which everything is known, and returns what lasted for too long. */
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
    // The queue is served in order: who came after the dead was granted the lock, so those before are out of it.
    if ("since" in step) state.dead = state.dead.filter(({ at }) => at + LATE_MS > step.since)
    return tooLong
  }

  #noteEnd(state: Name, hold: Hold): void {
    const { looseUntil, releasedAt = Infinity } = hold
    state.freeSince = looseUntil
    state.unreleased = state.unreleased.filter((it) => it.looseUntil + it.ttlMs > looseUntil)
    // A release that took longer than one request may was tried again: until then the key was there.
    if (releasedAt > looseUntil + TIMEOUT_MS) state.unreleased.push(hold)
  }

  /** The stretch if it lasted for too long, and that was not said yet. */
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

/** Of its bound. */
function shareOf({ ms, allowance }: LockOut): number {
  return ms / allowance.ms
}
