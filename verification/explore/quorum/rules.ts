// What a quorum promises (docs/quorum.md, docs/safety.md), as rules for every script that is executed and for every state.
import { VOTING_SINCE_KEY } from "../../../src/redis/keys.js"
import type { Keyspaces, Run } from "../keyspaces.js"
import { must } from "../world.js"
import { COUNTER, LOCK } from "./server.js"
import type { NodeState, QuorumState, QuorumTerms, Reply, Request } from "./state.js"

const DAY_MS = 86_400_000

/** The lock as one database has it. */
interface Vote {
  /** Empty: it has not voted. */
  readonly holder: string
  readonly leftMs: number
  readonly counter: number
}

export class QuorumRules {
  readonly #keyspaces: Keyspaces
  readonly #terms: readonly QuorumTerms[]
  readonly #votes = new Map<number, Vote>()

  constructor(keyspaces: Keyspaces, terms: readonly QuorumTerms[]) {
    this.#keyspaces = keyspaces
    this.#terms = terms
  }

  isFree(db: number): boolean {
    return this.#voteIn(db).holder === ""
  }

  show(db: number): string {
    const { holder, leftMs } = this.#voteIn(db)
    if (holder !== "") {
      const caller = this.#terms.find(({ token }) => holder.startsWith(`${token}-`))
      return `${caller?.name ?? ""}${holder.slice(holder.indexOf("-"))}, ${leftMs} ms`
    }
    if (!this.#keyspaces.key(db, VOTING_SINCE_KEY)) return "empty"
    const sinceMs = this.sinceMs(db)
    return sinceMs === undefined ? "free" : `free, remembers ${-sinceMs} ms`
  }

  /** Since when a database remembers, in ms from now; undefined: since ever, or it has not noticed yet that it does not. */
  sinceMs(db: number): number | undefined {
    const text = this.#keyspaces.key(db, VOTING_SINCE_KEY)?.value[0]
    return text?.startsWith("@") ? Number(text.slice(1, -1)) : undefined
  }

  /** Checks one execution of a script. @param before the database before it */
  checkRun(request: Request, before: number, run: Run, reply: Reply): void {
    const terms = this.#terms[request.caller]
    if (!terms) return
    const token = `${terms.token}-${request.attempt}`
    const was = this.#voteIn(before)
    const is = this.#voteIn(run.after)
    this.#checkLives(run.after)
    must(is.counter >= was.counter, "a database's fencing counter went down")
    const isOwn = was.holder === token
    if (was.holder !== "" && !was.holder.startsWith(`${terms.token}-`))
      must(is.holder === was.holder, `${token} took the vote of ${was.holder} by ${request.kind}`)
    if (isOwn && is.holder === token)
      must(is.leftMs >= was.leftMs, `the vote for ${token} was shortened`)
    if (reply.kind !== "done") this.#checkVote(terms, request, token, was, is, reply)
    else {
      const expected = isOwn ? DONE_OF[request.kind] : was.holder === "" ? "gone" : "taken"
      must(reply.result === expected, `${token} is told "${reply.result}" instead of "${expected}"`)
      if (request.kind === "release")
        must(is.holder !== token, `${token} has released its vote, and has it`)
      if (reply.result === "renewed")
        must(
          is.leftMs >= terms.ttlMs,
          `${token} is told that its vote was extended, and it was not`,
        )
      if (reply.result === "noted")
        must(is.counter >= (request.fence ?? 0), `the fencing token of ${token} is not stored`)
    }
  }

  /** Checks a state. */
  checkState(state: QuorumState): void {
    const believers = state.callers.flatMap(({ phase, validMs, attempt }, i) => {
      const terms = this.#terms[i]
      return phase === "holding" && validMs > 0 && terms ? [{ terms, validMs, attempt }] : []
    })
    must(
      believers.length < 2,
      `${believers.map(({ terms }) => terms.name).join(" and ")} hold the lock at once`,
    )
    // The database that forgot may have been one of its majority.
    const needed = state.hasForgotten ? 1 : 2
    for (const { terms, validMs, attempt } of believers) {
      const votes = state.nodes.filter(({ db }) => {
        const { holder, leftMs } = this.#voteIn(db)
        return holder === `${terms.token}-${attempt}` && leftMs >= validMs
      })
      must(
        votes.length >= needed,
        `${terms.name} trusts its hold, and only ${votes.length} databases keep their votes that long`,
      )
    }
    for (const [i, { phase, hasCompany }] of state.callers.entries()) {
      const outcome = state.outcomes[i]
      const { name = "", token = "" } = this.#terms[i] ?? {}
      if (phase === "over") {
        must(outcome !== "", `the call of ${name} has no outcome`)
        must(
          !state.isCalm || (outcome !== "failed" && outcome !== "release failed"),
          `the call of ${name} failed, although nothing went wrong`,
        )
        must(
          !state.isCalm || outcome !== "timeout" || hasCompany,
          `${name} is refused the lock, although nobody else uses it`,
        )
        if (state.isClean && !isBusy(state, i)) {
          const left = state.nodes.find(({ db }) => this.#voteIn(db).holder.startsWith(`${token}-`))
          must(!left, `the call of ${name} has ended, and has left a vote behind`)
        }
      }
    }
  }

  #checkVote(
    { token: call }: QuorumTerms,
    { attempt }: Request,
    token: string,
    was: Vote,
    is: Vote,
    reply: Exclude<Reply, { kind: "done" }>,
  ): void {
    if (reply.kind !== "granted") {
      must(is.holder === was.holder, `${token} is refused a vote, and the vote has changed`)
      if (reply.kind === "busy") {
        const mine = attemptOf(was.holder, call)
        must(was.holder !== "", `${token} is told that a vote is given that is not`)
        must(mine === undefined || mine > attempt, `${token} is refused its own vote`)
        must(reply.holder === was.holder, `${token} learns of another holder`)
      }
      return
    }
    const mine = attemptOf(was.holder, call)
    must(mine === undefined || mine <= attempt, `${token} has replaced a later attempt`)
    must(is.holder === token, `${token} is told that it has a vote, and does not have it`)
    must(
      reply.leftMs <= is.leftMs,
      `${token} is told that it has ${reply.leftMs} ms left, and has ${is.leftMs}`,
    )
  }

  #checkLives(db: number): void {
    const longestTtl = Math.max(...this.#terms.map(({ ttlMs }) => ttlMs))
    for (const { key, leftMs } of this.#keyspaces.keysOf(db)) {
      if (key === VOTING_SINCE_KEY) continue
      must(leftMs !== undefined, `${key} never expires`)
      must(key === LOCK || key === COUNTER, `${key} is not a key of a quorum`)
      must(leftMs <= (key === LOCK ? longestTtl : DAY_MS), `${key} lives for ${leftMs} ms`)
    }
  }

  #voteIn(db: number): Vote {
    let vote = this.#votes.get(db)
    if (!vote) {
      const lock = this.#keyspaces.key(db, LOCK)
      const counter = this.#keyspaces.key(db, COUNTER)?.value[0]
      vote = {
        holder: lock?.value[0] ?? "",
        leftMs: lock ? (lock.leftMs ?? Infinity) : 0,
        counter: counter === undefined ? -Infinity : Number(counter.slice(1, -1)),
      }
      this.#votes.set(db, vote)
    }
    return vote
  }
}

const DONE_OF = { vote: "", fence: "noted", extend: "renewed", release: "released" } as const

/** The number of the attempt, if it is one of this call. */
function attemptOf(holder: string, call: string): number | undefined {
  return holder.startsWith(`${call}-`) ? Number(holder.slice(call.length + 1)) : undefined
}

/** Whether a call has anything to do, or to await, at any database. */
export function isBusy({ nodes, callers }: QuorumState, index: number): boolean {
  const isIts = ({ caller }: { readonly caller: number }) => caller === index
  const work = ({ requests, pausing }: NodeState) => requests.some(isIts) || pausing.some(isIts)
  return callers[index]?.release != null || nodes.some(work)
}

/** Whether any other caller uses the lock, or is about to leave it. */
export function hasCompany(state: QuorumState, index: number): boolean {
  return state.callers.some(({ phase }, i) => {
    const isActive = phase !== "idle" && phase !== "over" && phase !== "dead"
    return i !== index && (isActive || isBusy(state, i))
  })
}
