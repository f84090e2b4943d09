// The judge of groups: all of the locks or none, a call that fails keeps none, and no two calls wait for each other.
import type { TimedNote } from "../client/notes.js"
import { TIMEOUT_MS } from "../times.js"
import type { Finding } from "./hold.js"
import type { Setbacks } from "./setbacks.js"

interface Group {
  readonly id: string
  readonly client: number
  readonly names: readonly string[]
  readonly from: number
  readonly waitMs: number
  readonly ttlMs: number
  /** Since when it has each of its locks, and how long it has it unless that is renewed. */
  readonly held: Map<string, MemberHold>
  /** The lock for which it is in the queue, and since when. */
  awaits: { readonly name: string; readonly since: number } | undefined
  /** When the call failed, if it has not given all of its locks back since. */
  failedAt: number | undefined
  isAccused: boolean
}

interface MemberHold {
  readonly id: string
  readonly since: number
  readonly until: number
}

/** The wait or hold of one lock of a group. */
interface Member {
  readonly group: Group
  readonly name: string
}

/** Timers, and notes that are read later. */
const SLACK_MS = 1_000

/** A release is retried in the background until the hold is over: then a last pause and a last request may follow. */
const LAST_RELEASE_MS = 2_000 + 2 * TIMEOUT_MS

export class Groups {
  readonly #setbacks: Setbacks
  /** Those that have not gathered all of their locks yet, or failed and give back what they have. */
  readonly #groups = new Map<string, Group>()
  readonly #members = new Map<string, Member>()
  #gathered = 0

  constructor(setbacks: Setbacks) {
    this.#setbacks = setbacks
  }

  /** How many calls got all of their locks. */
  get gathered(): number {
    return this.#gathered
  }

  /** @returns what is wrong with it */
  note(client: number, note: TimedNote): Finding | undefined {
    if (!("visit" in note)) return undefined
    const { at } = note
    const id = `${client} ${note.visit}`
    const member = this.#members.get(id)
    switch (note.kind) {
      case "gathers": {
        const { names, waitMs, ttlMs } = note
        const open = { awaits: undefined, failedAt: undefined, isAccused: false }
        const held: Group["held"] = new Map()
        this.#groups.set(id, { id, client, names, from: at, waitMs, ttlMs, held, ...open })
        return undefined
      }
      case "waits":
      case "granted": {
        const group = this.#groups.get(`${client} ${note.group}`)
        if (!group) return undefined
        this.#members.set(id, { group, name: note.name })
        if (note.kind === "granted") {
          group.held.set(note.name, { id, since: at, until: at + note.leftMs })
          group.awaits = undefined
        } else group.awaits = { name: note.name, since: at }
        return undefined
      }
      case "gathered":
      case "gave-up": {
        if (member) {
          member.group.awaits = undefined
          this.#members.delete(id)
        }
        return this.#end(id, note.kind === "gathered", at)
      }
      case "holds": {
        const hold = member?.group.held.get(member.name)
        if (hold?.id === id)
          member?.group.held.set(member.name, { ...hold, until: at + note.leftMs })
        return undefined
      }
      case "ended":
        if (!member) return undefined
        this.#members.delete(id)
        // An earlier hold of that lock may be told to be free only now.
        if (member.group.held.get(member.name)?.id === id) member.group.held.delete(member.name)
        if (member.group.failedAt !== undefined) this.#forgetIfEmpty(member.group)
        return undefined
      case "refused":
      case "released":
      case "settled":
      case "told":
        return undefined
    }
  }

  /** The names that a client may be taking at the moment, without a note of it yet. */
  namesOf(client: number): readonly string[] {
    const own = [...this.#groups.values()].filter((group) => group.client === client)
    return own.flatMap(({ names }) => names)
  }

  killed(client: number): void {
    for (const group of this.#groups.values()) if (group.client === client) this.#forget(group)
  }

  /** Finds calls that wait for each other, and calls that do not end. */
  advance(now: number): readonly Finding[] {
    return [...this.#groups.values()].flatMap((group) => {
      const found = group.isAccused ? undefined : this.#judge(group, now)
      if (found) group.isAccused = true
      return found ?? []
    })
  }

  #end(id: string, isGathered: boolean, at: number): Finding | undefined {
    const group = this.#groups.get(id)
    if (!group) return undefined
    if (!isGathered) {
      group.failedAt = at
      this.#forgetIfEmpty(group)
      return undefined
    }
    this.#forget(group)
    this.#gathered++
    const missing = group.names.filter((name) => !group.held.has(name))
    if (missing.length === 0) return undefined
    const what = `a group was granted without ${missing.join(" and ")}`
    return { at, what, facts: factsOf(group) }
  }

  #forgetIfEmpty(group: Group): void {
    if (group.held.size === 0) this.#forget(group)
  }

  #forget(group: Group): void {
    this.#groups.delete(group.id)
    for (const [id, member] of this.#members) if (member.group === group) this.#members.delete(id)
  }

  #judge(group: Group, now: number): Finding | undefined {
    const { from, waitMs, ttlMs, names, failedAt } = group
    if (failedAt !== undefined) {
      if (this.#lastedMs([group], failedAt, now) <= ttlMs + LAST_RELEASE_MS) return undefined
      const kept = [...group.held.keys()].join(" and ")
      const what = `a call for several locks failed, and kept ${kept}`
      return { at: failedAt, what, facts: factsOf(group) }
    }
    const circle = this.#circleOf(group, now)
    const since = Math.max(
      ...circle.map(({ awaits }) => awaits?.since ?? 0),
      ...circle.flatMap(({ held }) => [...held.values()].map((hold) => hold.since)),
    )
    // A lock that is given back is not renewed.
    if (circle.length > 0 && this.#lastedMs(circle, since, now) > ttlMs) {
      const what = `${circle.length} calls wait for each other's locks`
      return { at: since, what, facts: circle.map(factsOf) }
    }
    // After its wait: a request and a release for each lock, an extension, and what they may be retried for.
    const boundMs = waitMs + names.length * 2 * TIMEOUT_MS + 3 * ttlMs
    if (this.#lastedMs([group], from, now) <= boundMs) return undefined
    return { at: from, what: "a call for several locks does not end", facts: factsOf(group) }
  }

  /** The calls that wait for each other, beginning with this one; empty if there are none. */
  #circleOf(first: Group, now: number): readonly Group[] {
    const circle: Group[] = []
    for (let group = this.#holderFor(first, now); group && !circle.includes(group);) {
      circle.push(group)
      if (group === first) return circle
      group = this.#holderFor(group, now)
    }
    return []
  }

  /** The call that has the lock for which the group waits. */
  #holderFor({ awaits }: Group, now: number): Group | undefined {
    if (!awaits) return undefined
    const isHolder = ({ held }: Group) => (held.get(awaits.name)?.until ?? 0) > now
    return [...this.#groups.values()].find(isHolder)
  }

  /** Without the time in which one of them was paused or the machine was late. */
  #lastedMs(groups: readonly Group[], from: number, now: number): number {
    const paused = groups.map(({ client }) => this.#setbacks.pausedBetween(client, from, now))
    const lag = this.#setbacks.lagBetween(from, now)
    return now - from - lag - SLACK_MS - paused.reduce((sum, ms) => sum + ms, 0)
  }
}

function factsOf(group: Group): unknown {
  return { ...group, held: [...group.held.keys()] }
}
