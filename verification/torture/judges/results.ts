// The judge of results: none is older than the call that got it, unless it was fresh, and nobody runs while one is fresh.
//
// The notes bound what nobody sees: a call begins after it was noted, a result is stored between its run's end and the note
// that says so, and a run was granted before that was noted. What the bounds leave open is not held against the lock.
import type { TimedNote } from "../client/notes.js"
import { kindOf, rememberMsOf } from "../places.js"
import type { Finding } from "./hold.js"

interface Run {
  readonly id: string
  readonly name: string
  /** When its call began, at the earliest. */
  readonly from: number
  /** When it was granted, at the latest. */
  readonly grantedAt: number
  endedAt: number | undefined
  /** When its result was stored, at the latest. */
  settledAt: number | undefined
  isSure: boolean
}

interface Told {
  readonly by: string
  readonly name: string
  readonly from: number
  readonly at: number
  readonly run: string
  readonly source: "joined" | "remembered"
}

/** The server's clock has whole milliseconds, and is not the one of the notes. */
const CLOCKS_MS = 20
/** Older notes no longer have an effect. */
const KEPT_MS = 60_000

export class Results {
  readonly #calls = new Map<string, { readonly name: string; readonly from: number }>()
  readonly #runs = new Map<string, Run>()
  #told: Told[] = []
  #newRuns: Run[] = []
  #shared = 0

  /** How many calls got the result of another one's run. */
  get shared(): number {
    return this.#shared
  }

  note(client: number, note: TimedNote): void {
    if (!("visit" in note)) return
    const id = `${client} ${note.visit}`
    const { at } = note
    const call = this.#calls.get(id)
    const run = this.#runs.get(id)
    switch (note.kind) {
      case "waits":
        if (kindOf(note.name) === "job") this.#calls.set(id, { name: note.name, from: at })
        return
      case "granted": {
        if (!call) return
        const open = { endedAt: undefined, settledAt: undefined, isSure: false }
        const made: Run = { id, ...call, grantedAt: at, ...open }
        this.#runs.set(id, made)
        this.#newRuns.push(made)
        return
      }
      case "ended":
        if (run) run.endedAt ??= at
        return
      case "settled":
        if (run) Object.assign(run, { settledAt: at, isSure: note.isSure })
        return
      case "told":
        if (!call) return
        this.#shared++
        this.#told.push({ by: id, ...call, at, run: note.run, source: note.source })
        this.#calls.delete(id)
        return
      case "gave-up":
        this.#calls.delete(id)
        return
      case "gathers":
      case "gathered":
      case "holds":
      case "released":
      case "refused":
    }
  }

  /** Judges what happened until `to`, before which everything is known. */
  advance(to: number): readonly Finding[] {
    const told = this.#told.filter(({ at }) => at <= to)
    this.#told = this.#told.filter(({ at }) => at > to)
    const runs = this.#newRuns.filter(({ grantedAt }) => grantedAt <= to)
    this.#newRuns = this.#newRuns.filter(({ grantedAt }) => grantedAt > to)
    const findings = [
      ...told.flatMap((it) => this.#judgeTold(it) ?? []),
      ...runs.flatMap((run) => this.#judgeRun(run) ?? []),
    ]
    for (const [id, { grantedAt }] of this.#runs) {
      if (grantedAt < to - KEPT_MS) this.#runs.delete(id)
    }
    return findings
  }

  #judgeTold(told: Told): Finding | undefined {
    const { name, from, at, source } = told
    const run = this.#runs.get(told.run)
    const accuse = (what: string) => ({ at, what: `${name}: ${what}`, facts: { told, run } })
    if (!run) return accuse("a result of a run that nobody has noted")
    if (run.name !== name) return accuse("a result of another name")
    const rememberMs = rememberMsOf(name)
    if (source === "remembered" && rememberMs === 0) return accuse("remembered what must not be")
    const tolerance = rememberMs === 0 ? 0 : rememberMs + CLOCKS_MS
    const isOlder = run.settledAt !== undefined && from > run.settledAt + tolerance
    return isOlder ? accuse("a result that is older than the call") : undefined
  }

  #judgeRun(run: Run): Finding | undefined {
    const { name, from, grantedAt } = run
    const rememberMs = rememberMsOf(name)
    const fresh = [...this.#runs.values()].find(
      (other) =>
        other.name === name &&
        other.isSure &&
        other.settledAt !== undefined &&
        other.endedAt !== undefined &&
        other.settledAt < from &&
        grantedAt < other.endedAt + rememberMs - CLOCKS_MS,
    )
    if (!fresh) return undefined
    return { at: grantedAt, what: `${name}: a run while a result is fresh`, facts: { run, fresh } }
  }
}
