// All judges together: they receive the same notes, and each of their findings is a violation.
import type { TimedNote } from "../client/notes.js"
import { monotonicMs } from "../monotonic.js"
import { kindOf } from "../places.js"
import type { ChosenFault } from "../trouble/faults.js"
import type { Onlooker, Stream } from "../trouble/fault-plan.js"
import { Chronicle, type Reader } from "./chronicle.js"
import { Groups } from "./groups.js"
import { Happenings } from "./happenings.js"
import type { Hold, Violation, Wait } from "./hold.js"
import { immortal, type Keys, leftBehind } from "./keys.js"
import { LockOuts } from "./lock-out.js"
import { Overlaps } from "./overlaps.js"
import { Results } from "./results.js"
import { Register } from "./register.js"
import { Setbacks } from "./setbacks.js"
import { overdueMs } from "./waits.js"

/** Events older than this are known: notes are read several times a second, and releases are answered within a deadline. */
const KNOWN_AFTER_MS = 1_500

export class Court implements Reader, Onlooker {
  readonly register = new Register()
  readonly setbacks = new Setbacks()
  readonly overlaps = new Overlaps()
  readonly lockOuts = new LockOuts(this.setbacks)
  readonly results = new Results()
  readonly groups = new Groups(this.setbacks)
  readonly chronicle = new Chronicle(this)
  readonly violations: Violation[] = []
  readonly faults = new Map<string, number>()
  readonly #happenings = new Happenings()
  #beforeLongest: readonly string[] = []
  requests = 0
  belated = 0
  /** The terms of leaders. */
  terms = 0
  /** The calls and holds of visitors that have ended, each of which had one event at its end. */
  readonly events = { calls: 0, holds: 0 }
  #startedAt = monotonicMs()
  /** Violations that have been reported. */
  readonly #reported = new Set<string>()

  /** The events at the name of the longest lock-out until it was over. */
  get beforeLongest(): readonly string[] {
    return this.#beforeLongest
  }

  get startedAt(): number {
    return this.#startedAt
  }

  /** The clients are let in. */
  begin(at: number): void {
    this.#startedAt = at
  }

  note(client: number, note: TimedNote): void {
    const { at } = note
    if (note.kind === "lag") this.setbacks.lagged(client, at, note.ms)
    else if (note.kind === "misled") this.#accuse("leader", at, note.what, { client })
    else if (note.kind === "broken") this.#accuse("client", at, note.reason, { client })
    else if (note.kind === "miscounted") {
      this.#accuse("event", at, note.found.join("; "), { client })
    } else if (note.kind === "counted") {
      this.events.calls += note.calls
      this.events.holds += note.holds
      if (note.open.length === 0) return
      this.#accuse("event", at, "holds ended without an event", { client, open: note.open })
    } else if (note.kind === "refused") {
      const facts = { client, note }
      this.#accuse("register", at, "a holder that believed itself valid was refused", facts)
    } else {
      this.results.note(client, note)
      this.chronicle.note(client, note)
      const found = this.groups.note(client, note)
      if (found) this.#accuse("group", found.at, found.what, found.facts)
    }
  }

  paused(client: number, at: number): void {
    this.setbacks.paused(client, at)
    this.#orphanGroups(client, at)
  }

  killed(client: number, at: number): void {
    this.setbacks.killed(client, at)
    this.chronicle.killed(client, at)
    this.#orphanGroups(client, at)
    this.groups.killed(client)
  }

  /** A request of a group is noted only when its lock is granted or its wait begins. */
  #orphanGroups(client: number, at: number): void {
    for (const name of this.groups.namesOf(client)) this.lockOuts.orphaned(name, at)
  }

  onHold(hold: Hold): void {
    const { client, visit, name, from, looseUntil, releasedAt } = hold
    if (kindOf(name) === "chair") this.terms++
    const end = releasedAt === undefined ? "never released" : `released by ${ms(releasedAt - from)}`
    const lasted = `for ${ms(looseUntil - from)}, ${end}`
    this.#happenings.add(name, from, `client ${client} holds it in visit ${visit} ${lasted}`)
    if (hasQueue(name)) this.lockOuts.addHold(hold)
    const others = this.overlaps.add(hold)
    if (others.length === 0) return
    this.#accuse("overlap", hold.from, `${hold.name} was held by too many at once`, {
      hold,
      others,
    })
  }

  onWait(wait: Wait): void {
    const { client, visit, name, from, until = from, outcome } = wait
    const what = `${outcome ?? "open"} after ${ms(until - from)}`
    this.#happenings.add(name, from, `client ${client} begins to wait in visit ${visit}: ${what}`)
    if (wait.outcome !== "killed") this.#judgeWait(wait, wait.until ?? 0)
    if (hasQueue(name)) this.lockOuts.addWait(wait)
  }

  onRequest(): void {
    this.requests++
  }

  onFault(name: string | undefined, { label }: ChosenFault, at: number): void {
    this.faults.set(label, (this.faults.get(label) ?? 0) + 1)
    if (name === undefined) return
    this.#happenings.add(name, at, label)
    this.setbacks.struck(name, at, "fault")
  }

  onLate(name: string, at: number): void {
    this.#happenings.add(name, at, "a request is sent that is executed only after its deadline")
    this.setbacks.struck(name, at, "fault")
  }

  onBelated(name: string, at: number): void {
    this.belated++
    this.#happenings.add(name, at, "a request is executed that has been given up")
    // It may be reached long after: the place stays in the queue until all before it have been served.
    if (hasQueue(name)) this.lockOuts.orphaned(name, at)
  }

  onWaiter(name: string, stream: Stream, ttlMs: number, at: number): void {
    this.#happenings.add(name, at, `a waiter enters the queue; its stream: ${stream}`)
    if (stream === "silent") this.lockOuts.orphaned(name, at)
    else if (stream === "faulty") this.setbacks.struck(name, at, "cut")
    else if (stream === "none") this.setbacks.polled(name, at, ttlMs)
  }

  /** A client wrote to its standard error, or ended unexpectedly. */
  complained(client: number, what: string, at: number): void {
    this.#accuse("client", at, what, { client })
  }

  /** Judges everything that is known by now. */
  advance(now: number): void {
    this.chronicle.advance(now)
    for (const wait of this.chronicle.openWaits) this.#judgeWait(wait, now)
    const known = this.chronicle.openSince(now - KNOWN_AFTER_MS)
    for (const { at, what, facts } of this.results.advance(now - KNOWN_AFTER_MS)) {
      this.#accuse("result", at, what, facts)
    }
    for (const { at, what, facts } of this.groups.advance(now)) {
      this.#accuse("group", at, what, facts)
    }
    const { longest } = this.lockOuts
    const tooLong = this.lockOuts.advance(known)
    const longer = this.lockOuts.longest
    if (longer && longer !== longest) {
      this.#beforeLongest = this.#happenings.of(longer.name, longer.from)
    }
    for (const lockOut of tooLong) {
      const what = `${lockOut.name} was free for ${ms(lockOut.ms)} while a caller waited`
      const happened = this.#happenings.of(lockOut.name, lockOut.from)
      this.#accuse("lock-out", lockOut.from, what, { ...lockOut, happened })
    }
  }

  checkKeys(keys: Keys, now: number): void {
    for (const key of immortal(keys)) this.#accuse("keys", now, `${key} has no ttl`, { key })
  }

  /** Checks the keys that are left at the end of the run. */
  checkKeysAtEnd(keys: Keys, now: number): readonly string[] {
    const left = leftBehind(keys)
    for (const key of left) this.#accuse("keys", now, `${key} is left`, { leftMs: keys.get(key) })
    return left
  }

  #judgeWait(wait: Wait, now: number): void {
    const overdue = overdueMs(wait, now, this.setbacks)
    if (overdue <= 0) return
    const what = `an acquire call on ${wait.name} outlived its wait`
    this.#accuse(
      "wait",
      wait.from,
      what,
      { ...wait, overdueMs: overdue },
      `${wait.client} ${wait.visit}`,
    )
  }

  #accuse(
    judge: Violation["judge"],
    at: number,
    what: string,
    facts: unknown,
    id = `${judge} ${what} ${at}`,
  ): void {
    if (this.#reported.has(id)) return
    this.#reported.add(id)
    this.violations.push({ judge, second: (at - this.#startedAt) / 1_000, what, facts })
  }
}

/** Those who wait for a job have no places: each asks again, and not at once. */
function hasQueue(name: string): boolean {
  return kindOf(name) !== "job"
}

function ms(duration: number): string {
  return `${duration.toFixed(0)} ms`
}
