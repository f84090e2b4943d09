// Executes the requests of a world of a quorum: the real scripts, on one of its databases.
import type { Scripts } from "../../../test/support/waiter-by-hand.js"
import { fenceKeys, lockKeys, VOTING_SINCE_KEY, voteKeys } from "../../../src/redis/keys.js"
import { readInteger } from "../../../src/redis/replies.js"
import { readVoteReply } from "../../../src/quorum/vote-reply.js"
import { VoidVoteError } from "../../../src/quorum/quorum-error.js"
import { absoluteMicros, type Keyspaces, microsFromNow, type Run } from "../keyspaces.js"
import { Violation } from "../world.js"
import { microsOffset } from "./micros.js"
import type { Kind, NodeState, QuorumState, QuorumTerms, Reply, Request } from "./state.js"

const PREFIX = "lock:"
const NAME = "n"

const KEYS_OF: Record<Kind, readonly string[]> = {
  vote: voteKeys(PREFIX, NAME),
  fence: fenceKeys(PREFIX, NAME),
  extend: lockKeys(PREFIX, NAME),
  release: lockKeys(PREFIX, NAME),
}

/** The keys that the scripts of a quorum use. */
export const [LOCK = "", , COUNTER = ""] = KEYS_OF.vote

export class QuorumServer {
  readonly #keyspaces: Keyspaces
  readonly #scripts: Scripts
  readonly #terms: readonly QuorumTerms[]
  readonly #quarantineMs: number

  constructor(
    keyspaces: Keyspaces,
    scripts: Scripts,
    terms: readonly QuorumTerms[],
    quarantineMs: number,
  ) {
    this.#keyspaces = keyspaces
    this.#scripts = scripts
    this.#terms = terms
    this.#quarantineMs = quarantineMs
  }

  /** A database that remembers since ever, as `quorum().start()` leaves it. */
  get started(): number {
    return this.#run(0, 1, "start", [VOTING_SINCE_KEY], []).after
  }

  /** The arguments of a request's script, as the library sends them. */
  argumentsOf({ caller, kind, attempt, fence }: Request): string[] {
    const terms = this.#terms[caller]
    if (!terms) throw new Error(`there is no caller ${caller}`)
    const token = `${terms.token}-${attempt}`
    const ttl = String(terms.ttlMs)
    switch (kind) {
      case "vote":
        return [terms.token, String(attempt), ttl, String(this.#quarantineMs)]
      case "fence":
        return [token, absoluteMicros(fence ?? 0)]
      case "extend":
        return [token, ttl]
      case "release":
        return [token, "", "0"]
    }
  }

  /** Runs a request's script. The node's database changes. */
  execute(state: QuorumState, node: NodeState, request: Request): Run {
    const { kind } = request
    const micros = microsOffset(state, node, this.#keyspaces)
    const run = this.#run(node.db, micros, kind, KEYS_OF[kind], this.argumentsOf(request))
    if (run.error !== undefined) throw new Violation(`the script failed: ${run.error}`)
    node.db = run.after
    return run
  }

  #run(
    db: number,
    micros: number,
    script: "start" | Kind,
    keys: readonly string[],
    args: readonly string[],
  ): Run {
    return this.#keyspaces.run(db, micros, this.#scripts[script], keys, args, [])
  }

  /** A script's reply, as far as the caller uses it; read as strictly as the library does. */
  read({ caller, kind }: Request, raw: unknown): Reply {
    try {
      if (kind === "vote") return this.#readVote(caller, raw)
      return { kind: "done", result: readResult(raw) }
    } catch (error) {
      throw error instanceof Violation
        ? error
        : new Violation(`an unexpected reply: ${JSON.stringify(raw)}`)
    }
  }

  #readVote(caller: number, raw: unknown): Reply {
    try {
      const reply = readVoteReply(raw)
      if (reply.kind === "busy") return reply
      // Only a fencing token is derived from times.
      if (this.#terms[caller]?.fencing !== true)
        return { kind: "granted", leftMs: reply.leftMs, lastFence: null, micros: null }
      const { leftMs, lastFence, micros } = reply
      const last = lastFence === 0 ? null : microsFromNow(lastFence)
      return { kind: "granted", leftMs, lastFence: last, micros: microsFromNow(micros) }
    } catch (error) {
      if (error instanceof VoidVoteError) return { kind: "young" }
      throw error
    }
  }
}

const RESULTS = ["noted", "renewed", "released", "taken", "gone"] as const

function readResult(raw: unknown): (typeof RESULTS)[number] {
  const [word, lacks] = Array.isArray(raw) ? (raw as unknown[]) : [raw]
  if (lacks !== undefined) readInteger(lacks)
  const result = RESULTS.find((one) => one === word)
  if (!result) throw new Error("no script of a quorum replies so")
  return result
}
