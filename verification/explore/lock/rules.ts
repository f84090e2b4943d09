// The invariants of docs/scripts.md, as rules for every script that is executed and for every state.
import type { Keyspaces, Run } from "../keyspaces.js"
import { must } from "../world.js"
import { type Execution, listenersOf, type LockView, LockViews } from "./lock-view.js"
import { checkQueue } from "./queue-rules.js"
import { checkReply } from "./reply-rules.js"
import { checkSteal } from "./steal-rules.js"
import { mayClaim, tokenOf } from "./server.js"
import type { LockState, Reply, Request, Terms } from "./state.js"

export class LockRules {
  readonly columns = ["the lock", "its queue"]
  readonly #terms: readonly Terms[]
  readonly #views: LockViews

  constructor(keyspaces: Keyspaces, terms: readonly Terms[]) {
    this.#terms = terms
    this.#views = new LockViews(keyspaces, terms)
  }

  isFree(db: number): boolean {
    return this.#views.of(db).isFree
  }

  show(db: number): string[] {
    const { isFree, isFlagged, holders, queue } = this.#views.of(db)
    const holding = [...holders].map(([token, ms]) => `${token} ${ms} ms`).join(", ")
    const lock = isFree ? "free" : `${holding}${isFlagged ? " +" : ""}`
    return [lock, queue.map(({ token }) => token).join(" ")]
  }

  /** Checks one execution of a script. @param before the database before it */
  checkRun(state: LockState, sent: Request, before: number, run: Run, reply: Reply): void {
    const terms = this.#terms[sent.caller]
    if (!terms) return
    const was = this.#views.of(before)
    const isClaim = was.isFree && mayClaim(sent, terms)
    const execution = {
      request: isClaim ? { ...sent, kind: "claim" as const } : sent,
      terms,
      token: tokenOf(terms),
      was,
      is: this.#views.of(run.after),
      published: run.published,
      reply,
      isHeard: listenersOf(state, this.#terms),
    }
    checkLives(execution.is)
    checkHolds(execution)
    checkQueue(execution, this.#terms)
    checkReply(execution)
    if (sent.kind === "steal") checkSteal(execution, this.#terms)
  }

  /** Checks a state. */
  checkState(state: LockState): void {
    const view = this.#views.of(state.db)
    const believers = state.callers.flatMap((caller, i) => {
      const terms = this.#terms[i]
      return caller.phase === "holding" && caller.validMs > 0 && terms ? [{ caller, terms }] : []
    })
    const sure = believers.filter(({ terms }) => !view.stolen.includes(tokenOf(terms)))
    for (const { caller, terms } of sure) {
      const leftMs = view.holders.get(tokenOf(terms))
      must(
        leftMs !== undefined,
        `${terms.name} believes that it holds the lock, and the database does not know`,
      )
      must(
        caller.validMs <= leftMs,
        `${terms.name} trusts its hold for longer than the database keeps it`,
      )
    }
    const exclusive = sure.find(({ terms }) => terms.limit === undefined)
    const [first] = sure
    must(
      !exclusive || sure.length === 1,
      `${sure.map(({ terms }) => terms.name).join(" and ")} hold the lock at once`,
    )
    const limit = first?.terms.limit
    must(limit === undefined || sure.length <= limit, `${sure.length} hold ${limit ?? 0} permits`)
  }
}

/** Each key has a ttl; those of shared holds live as long as the last of them. */
function checkLives({ lives, sharedLives, limit, holders }: LockView): void {
  for (const { key, leftMs, longestMs } of lives) {
    must(leftMs !== undefined, `${key} never expires`)
    must(leftMs <= longestMs, `${key} lives for ${leftMs} ms`)
  }
  if (limit === undefined || holders.size === 0) return
  const lastMs = Math.max(...holders.values())
  for (const leftMs of sharedLives)
    must(
      leftMs === lastMs,
      `shared holds live for ${leftMs ?? 0} ms, the last one for ${lastMs} ms`,
    )
}

/** Within a hold its ttl only grows; and as many share the lock as may. */
function checkHolds({ request, token, was, is }: Execution): void {
  const ends = request.kind === "release" || request.kind === "leave"
  for (const [holder, leftMs] of is.holders) {
    // A late copy of its own enqueue may stand in the queue: then a release ends its hold, and begins that one's.
    const beforeMs = ends && holder === token ? undefined : was.holders.get(holder)
    if (beforeMs !== undefined)
      must(leftMs >= beforeMs, `the hold of ${holder} was shortened by ${beforeMs - leftMs} ms`)
  }
  must(
    is.limit === undefined || is.holders.size <= is.limit,
    `${is.holders.size} holders share the lock, at most ${is.limit ?? 1}`,
  )
}
