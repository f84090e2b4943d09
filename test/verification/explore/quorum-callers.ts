// Plays a schedule of the exploration with the quorum of the library itself, over transports that do only what the schedule says. Time
// must be simulated.
import { EmbeddedEngine } from "../../../packages/dev-server/src/engine-embedded.js"
import { LockManager, type Lock } from "../../../src/index.js"
import { QuorumNode } from "../../../src/quorum/quorum-node.js"
import { QuorumNodes } from "../../../src/quorum/quorum-nodes.js"
import { QuorumStore } from "../../../src/quorum/quorum-store.js"
import { withDeadline } from "../../../src/redis/bounds.js"
import { Database } from "../../../src/redis/database.js"
import { VOTING_SINCE_KEY } from "../../../src/redis/keys.js"
import type { StoreRecipe } from "../../../src/redis/store.js"
import type { Transport } from "../../../src/redis/transport.js"
import { TIMEOUT_MS } from "../../../verification/explore/quorum/caller.js"
import type { QuorumTerms } from "../../../verification/explore/quorum/state.js"
import { commandsTo } from "../../support/virtual-database.js"
import { brokenConnection, nameOf } from "./real-callers.js"

/** A request of the library to one database that has not been settled. */
export interface NodeRequest {
  readonly caller: number
  readonly node: number
  readonly script: string
  readonly args: readonly string[]
  /** The caller still waits for its reply. */
  isAwaited: boolean
  reply: { readonly value: unknown } | undefined
  readonly execute: () => Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

export class QuorumCallers {
  requests: NodeRequest[] = []
  readonly callers: readonly RealQuorumCaller[]
  readonly commands: readonly ReturnType<typeof commandsTo>[]

  static async create(terms: readonly QuorumTerms[], quarantineMs: number): Promise<QuorumCallers> {
    const commands = [0, 1, 2].map(async () => commandsTo(await EmbeddedEngine.create()))
    const all = new QuorumCallers(await Promise.all(commands), terms, quarantineMs)
    for (const command of all.commands) await command("SET", VOTING_SINCE_KEY, "0")
    return all
  }

  private constructor(
    commands: readonly ReturnType<typeof commandsTo>[],
    terms: readonly QuorumTerms[],
    quarantineMs: number,
  ) {
    this.commands = commands
    this.callers = terms.map((each, i) => new RealQuorumCaller(i, each, this, quarantineMs))
  }
}

/** One call of the library, and the hold that it is granted. */
export class RealQuorumCaller {
  readonly index: number
  readonly terms: QuorumTerms
  lock: Lock | undefined
  error: unknown
  released: unknown
  isDead = false
  /** The token of its votes. */
  token = ""
  readonly #abort = new AbortController()
  readonly #manager: LockManager

  constructor(index: number, terms: QuorumTerms, all: QuorumCallers, quarantineMs: number) {
    this.index = index
    this.terms = terms
    const openStore = ({ prefix, waitUntil }: Parameters<StoreRecipe["openStore"]>[0]) => {
      const nodes = all.commands.map(
        (_, node) =>
          new QuorumNode(new Database(new NodeTransport(this, all, node), prefix, false)),
      )
      const settings = { quarantineMs, voteMs: undefined, cleanUpMs: TIMEOUT_MS, waitUntil }
      return new QuorumStore(new QuorumNodes(nodes, settings))
    }
    const { ttlMs: ttl } = terms
    const redis: StoreRecipe = { openStore }
    this.#manager = new LockManager({ redis, ttl, timeout: TIMEOUT_MS })
  }

  start(): void {
    const { ttlMs: ttl, waitMs: wait, fencing, renews: renew } = this.terms
    const options = { ttl, wait, fencing, renew, signal: this.#abort.signal }
    this.#manager.acquire("n", options as never).then(
      (lock) => (this.lock = lock),
      (error: unknown) => (this.error = error),
    )
  }

  release(): void {
    if (!this.lock) throw new Error("there is no hold to release")
    this.lock.release().then(
      (result) => (this.released = result),
      () => (this.released = "release failed"),
    )
  }

  abort(): void {
    this.#abort.abort(new Error("aborted"))
  }
}

class NodeTransport implements Transport {
  readonly noticesEnd = true
  readonly #caller: RealQuorumCaller
  readonly #all: QuorumCallers
  readonly #node: number

  constructor(caller: RealQuorumCaller, all: QuorumCallers, node: number) {
    this.#caller = caller
    this.#all = all
    this.#node = node
  }

  evaluate(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
  ): Promise<unknown> {
    const caller = this.#caller
    if (caller.isDead) return new Promise(() => undefined)
    const command = this.#all.commands[this.#node]
    if (!command) throw new Error("there is no such database")
    const execute = () => command("EVAL", script, String(keys.length), ...keys, ...args)
    const name = nameOf(script)
    if (name === "vote") caller.token = args[0] ?? ""
    return withDeadline(timeoutMs, (signal) => {
      return new Promise((resolve, reject) => {
        const request: NodeRequest = {
          caller: caller.index,
          node: this.#node,
          script: name,
          args: args.slice(0, -1),
          isAwaited: true,
          reply: undefined,
          execute,
          resolve,
          reject,
        }
        this.#all.requests.push(request)
        signal.addEventListener("abort", () => {
          request.isAwaited = false
          reject(brokenConnection())
        })
      })
    })
  }

  subscribe(): Promise<never> {
    return Promise.reject(new Error("a quorum has no queue"))
  }

  scan(): Promise<never> {
    return Promise.reject(new Error("no caller scans"))
  }

  publish(): Promise<never> {
    return Promise.reject(new Error("a quorum has no queue"))
  }
}
