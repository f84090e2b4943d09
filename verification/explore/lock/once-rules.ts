// The rules of `once`: for every script that is executed, and for every state.
import { type Keyspaces, type Run } from "../keyspaces.js"
import { must } from "../world.js"
import { ONCE_KEYS, tokenOf } from "./server.js"
import type { LockState, Reply, Request, Terms } from "./state.js"

const [LEADER = "", RECORD = ""] = ONCE_KEYS
/** A crash is remembered for this long. */
const GRACE_MS = 60_000
/** A result is kept for this long beyond its freshness. */
const LINGER_MS = 30_000

interface OnceView {
  /** Undefined if nobody leads; a leader with no time left has crashed. */
  readonly leader:
    | {
        readonly token: string
        /** This run is the first one, or one more after each crash. */
        readonly attempt: number
        readonly leftMs: number
        readonly graceMs: number
      }
    | undefined
  readonly record:
    { readonly text: string; readonly settled: number; readonly freshMs: number } | undefined
}

export class OnceRules {
  readonly columns = ["the leader", "the result"]
  readonly #keyspaces: Keyspaces
  readonly #terms: readonly Terms[]

  constructor(keyspaces: Keyspaces, terms: readonly Terms[]) {
    this.#keyspaces = keyspaces
    this.#terms = terms
  }

  isFree(db: number): boolean {
    return this.#viewOf(db).leader === undefined
  }

  show(db: number): string[] {
    const { leader, record } = this.#viewOf(db)
    const leading =
      leader &&
      (leader.leftMs > 0 ? `${leader.token} ${leader.leftMs} ms` : `${leader.token} crashed`)
    const result =
      record && `${record.text}${record.freshMs > 0 ? ` fresh ${record.freshMs} ms` : " old"}`
    return [leading ?? "none", result ?? "none"]
  }

  checkRun(_: LockState, request: Request, before: number, run: Run, reply: Reply): void {
    const terms = this.#terms[request.caller]
    if (!terms) return
    const token = tokenOf(terms)
    const was = this.#viewOf(before)
    const is = this.#viewOf(run.after)
    this.#checkLives(run.after)
    const leads = was.leader !== undefined && was.leader.leftMs > 0
    const isOther = leads && was.leader.token !== token
    if (isOther) {
      must(
        is.leader?.token === was.leader.token,
        `${request.kind} of ${token} has ended the run of ${was.leader.token}`,
      )
      must(
        is.record?.text === was.record?.text,
        `${token} has written a result during the run of ${was.leader.token}`,
      )
    }
    if (leads && is.leader?.token === was.leader.token) {
      must(is.leader.leftMs >= was.leader.leftMs, `the run of ${was.leader.token} was shortened`)
    }
    if (request.kind === "once-claim") this.#checkClaim(request, terms, was, is, reply)
    else if (request.kind === "once-settle")
      this.#checkSettling(request, terms, was, is, run, reply)
    else if (reply.kind === "done" && reply.result === "renewed") {
      must(is.leader?.token === token, `${token} is told that its run was extended`)
    }
  }

  checkState(state: LockState): void {
    const { leader } = this.#viewOf(state.db)
    const running = state.callers.flatMap((caller, i) => {
      const terms = this.#terms[i]
      return caller.phase === "holding" && caller.validMs > 0 && terms
        ? [{ caller, token: tokenOf(terms) }]
        : []
    })
    must(running.length < 2, `${running.map(({ token }) => token).join(" and ")} run at once`)
    for (const { caller, token } of running) {
      must(leader?.token === token, `${token} runs, and the database does not know`)
      must(
        caller.validMs <= leader.leftMs,
        `${token} trusts its hold for longer than the database keeps it`,
      )
    }
  }

  #viewOf(db: number): OnceView {
    const leader = this.#keyspaces.key(db, LEADER)
    const record = this.#keyspaces.key(db, RECORD)
    const [token = "", attempt, , grace] = leader?.value[0]?.split(" ") ?? []
    const [, , settled = "", fresh = "", , , , text = ""] = record?.value[0]?.split(" ") ?? []
    return {
      leader: leader && {
        token,
        attempt: Number(attempt),
        leftMs: (leader.leftMs ?? Infinity) - Number(grace),
        graceMs: Number(grace),
      },
      record: record && { text, settled: timeIn(settled), freshMs: timeIn(fresh) },
    }
  }

  #checkLives(db: number): void {
    const longestTtl = Math.max(...this.#terms.map(({ ttlMs }) => ttlMs))
    const remembered = Math.max(...this.#terms.map(({ once }) => once?.rememberMs ?? 0))
    for (const { key, leftMs } of this.#keyspaces.keysOf(db)) {
      must(leftMs !== undefined, `${key} never expires`)
      const longest = key === LEADER ? longestTtl + GRACE_MS : remembered + LINGER_MS
      must(leftMs <= longest, `${key} lives for ${leftMs} ms`)
    }
  }

  #checkClaim({ ticket }: Request, terms: Terms, was: OnceView, is: OnceView, reply: Reply): void {
    const token = tokenOf(terms)
    const { record, leader } = was
    // That of its own run, a fresh one, or one that was settled after its first claim.
    const isForIt =
      record !== undefined &&
      (isBy(terms, record) || record.freshMs > 0 || (ticket !== null && record.settled >= ticket))
    if (reply.kind === "granted") {
      must(
        is.leader?.token === token && is.leader.leftMs >= reply.ms,
        `${token} is told that it leads, and does not`,
      )
      must(!isForIt, `${token} runs, although there is a result for it`)
      const attempt = leader ? leader.attempt + (leader.token === token ? 0 : 1) : 1
      must(
        is.leader.attempt === attempt,
        `the run of ${token} is attempt ${is.leader.attempt} instead of ${attempt}`,
      )
      must(is.leader.graceMs === GRACE_MS, `a crash of ${token} is not remembered`)
    }
    if (reply.kind === "record") {
      must(record, `${token} gets a result that is not there`)
      must(isForIt, `${token} gets a result that is older than its call`)
    }
    if (reply.kind === "running") {
      must(leader && leader.leftMs > 0, `${token} waits, and nobody runs`)
      must(leader.token !== token, `${token} waits for itself`)
      must(!isForIt, `${token} waits, although there is a result for it`)
      must(
        ticket === null || reply.since === ticket,
        `${token} is told that it came at another time`,
      )
    }
  }

  #checkSettling(
    { isGivenUp }: Request,
    terms: Terms,
    was: OnceView,
    is: OnceView,
    run: Run,
    reply: Reply,
  ): void {
    const token = tokenOf(terms)
    const isOwn = was.leader?.token === token
    const hasSettled = !isGivenUp && was.record !== undefined && isBy(terms, was.record)
    const expected = isOwn || hasSettled ? "released" : was.leader ? "taken" : "gone"
    const result = reply.kind === "done" ? reply.result : reply.kind
    must(result === expected, `${token} has settled, and is told "${result}"`)
    must(is.leader?.token !== token, `${token} has settled, and still leads`)
    if (!isOwn) {
      must(is.record?.text === was.record?.text, `${token} does not lead, and has written a result`)
      return
    }
    must(run.published.length === 1, `${token} has settled, and has notified nobody`)
    if (isGivenUp) return
    must(
      is.record !== undefined && is.record.settled >= 0,
      `${token} has settled, and its result is not kept`,
    )
    must(
      is.record.freshMs === (terms.once?.rememberMs ?? 0),
      `the result of ${token} is fresh for ${is.record.freshMs} ms`,
    )
  }
}

/** Whether a record is that of the run of this call: the result of a run is the name of its caller. */
function isBy({ name }: Terms, { text }: { readonly text: string }): boolean {
  return text === JSON.stringify(name)
}

/** A time from now as the keyspace writes it, in its own unit. */
function timeIn(text: string): number {
  return Number(text.slice(1, -1))
}
