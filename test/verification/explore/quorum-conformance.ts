// Compares the model of a caller of a quorum with the library: after each step of a schedule both must wait for the same replies, believe
// in the same holds and have the same outcomes.
import { expect, vi } from "vitest"
import { LockBackendError, LockTimeoutError } from "../../../src/index.js"
import * as scripts from "../../../src/redis/lua/scripts.js"
import type { Keyspaces } from "../../../verification/explore/keyspaces.js"
import type { QuorumHappening } from "../../../verification/explore/quorum/happening.js"
import { QuorumServer } from "../../../verification/explore/quorum/server.js"
import type {
  Caller,
  QuorumState,
  QuorumTerms,
  Request,
} from "../../../verification/explore/quorum/state.js"
import { type NodeRequest, QuorumCallers, type RealQuorumCaller } from "./quorum-callers.js"
import { brokenConnection, settle } from "./real-callers.js"

export class QuorumConformance {
  readonly #terms: readonly QuorumTerms[]
  readonly #server: QuorumServer
  readonly #real: QuorumCallers

  static async create(
    keyspaces: Keyspaces,
    terms: readonly QuorumTerms[],
    quarantineMs: number,
  ): Promise<QuorumConformance> {
    const server = new QuorumServer(keyspaces, scripts, terms, quarantineMs)
    return new QuorumConformance(terms, server, await QuorumCallers.create(terms, quarantineMs))
  }

  private constructor(terms: readonly QuorumTerms[], server: QuorumServer, real: QuorumCallers) {
    this.#terms = terms
    this.#server = server
    this.#real = real
  }

  /** Does with the library what happens in the model. @param before the model's state before it, and after it */
  async play(before: QuorumState, happening: QuorumHappening, after: QuorumState): Promise<void> {
    const { kind, ms, node } = happening
    const caller = this.#real.callers[happening.caller]
    const request = before.nodes[node]?.requests[happening.request]
    switch (kind) {
      case "start":
        caller?.start()
        break
      case "release":
        caller?.release()
        break
      case "abort":
        caller?.abort()
        break
      case "die":
        this.#die(caller)
        break
      case "forget":
        await this.#real.commands[node]?.("FLUSHALL")
        break
      case "drift":
        throw new Error("the clocks of both are the same")
      case "time":
        await vi.advanceTimersByTimeAsync(ms)
        break
      case "execute":
      case "execute-in-vain":
      case "copy":
      case "deliver":
      case "lose-request":
      case "lose-reply":
        if (request) await this.#travel(kind, this.#find(before, node, request), request)
    }
    await settle()
    await this.#deliverRest(after)
  }

  /** Fails unless the library is in the model's state. */
  compare(state: QuorumState): void {
    expect(this.#awaited(), "the requests whose replies are awaited").toEqual(
      this.#awaitedIn(state),
    )
    for (const [i, caller] of this.#real.callers.entries()) {
      const model = state.callers[i]
      if (!model || model.phase === "dead") continue
      const name = this.#terms[i]?.name ?? ""
      const trustedMs = caller.released === undefined ? (caller.lock?.remainingMs ?? 0) : 0
      const validMs = model.phase === "holding" ? model.validMs : 0
      expect(
        Math.abs(trustedMs - validMs),
        `${name} trusts its hold for ${trustedMs} ms, not ${validMs}`,
      ).toBeLessThan(2)
      expect(outcomeOf(caller), `the outcome of ${name}`).toBe(
        expectedOutcome(model, state.outcomes[i]),
      )
    }
  }

  async #travel(
    kind: "execute" | "execute-in-vain" | "copy" | "deliver" | "lose-request" | "lose-reply",
    real: NodeRequest,
    { role }: Request,
  ): Promise<void> {
    switch (kind) {
      case "execute":
        real.reply = { value: await real.execute() }
        if (role === "nobody") this.#forget(real)
        break
      case "copy": {
        const nothing = () => undefined
        this.#real.requests.push({ ...real, isAwaited: false, resolve: nothing, reject: nothing })
        break
      }
      case "deliver":
        this.#deliver(real)
        break
      case "execute-in-vain":
        await real.execute()
        this.#forget(real)
        real.reject(brokenConnection())
        break
      case "lose-request":
      case "lose-reply":
        this.#forget(real)
        real.reject(brokenConnection())
    }
  }

  /** Replies that the model does not await any more, since they make no difference: here they must not make one either. */
  async #deliverRest(state: QuorumState): Promise<void> {
    const executed = this.#awaitedIn(state).filter((text) => text.endsWith(EXECUTED))
    for (const real of [...this.#real.requests]) {
      if (!real.isAwaited || !real.reply) continue
      const index = executed.indexOf(this.#textOfReal(real))
      if (index >= 0) executed.splice(index, 1)
      else this.#deliver(real)
    }
    await settle()
  }

  #deliver(real: NodeRequest): void {
    this.#forget(real)
    real.resolve(real.reply?.value)
  }

  #forget(real: NodeRequest): void {
    this.#real.requests = this.#real.requests.filter((one) => one !== real)
  }

  #die(caller: RealQuorumCaller | undefined): void {
    if (!caller) return
    caller.isDead = true
    for (const request of this.#real.requests.filter((one) => one.caller === caller.index)) {
      request.isAwaited = false
      if (request.reply) this.#forget(request)
    }
  }

  /** Among requests that look alike, the one with the same place. */
  #find({ nodes }: QuorumState, node: number, request: Request): NodeRequest {
    const wanted = this.#textOf(node, request)
    const isAwaited = request.role !== "nobody"
    const alike = nodes[node]?.requests.filter(
      (one) => this.#textOf(node, one) === wanted && (one.role !== "nobody") === isAwaited,
    )
    const found = this.#real.requests.filter(
      (real) => this.#textOfReal(real) === wanted && real.isAwaited === isAwaited,
    )[alike?.indexOf(request) ?? 0]
    if (!found) throw new Error(`the library has not sent ${wanted}`)
    return found
  }

  #awaited(): string[] {
    return this.#real.requests
      .filter(({ isAwaited }) => isAwaited)
      .map((request) => this.#textOfReal(request))
      .sort()
  }

  #awaitedIn({ nodes }: QuorumState): string[] {
    return nodes
      .flatMap(({ requests }, node) =>
        requests
          .filter(({ role }) => role !== "nobody")
          .map((request) => this.#textOf(node, request)),
      )
      .sort()
  }

  #textOf(node: number, request: Request): string {
    const name = this.#terms[request.caller]?.name ?? ""
    const args = this.#server.argumentsOf(request)
    return textOf(name, node, request.kind, args, request.reply !== null)
  }

  /** Tokens are random: they are renamed as in the model. */
  #textOfReal({ caller, node, script, args, reply }: NodeRequest): string {
    const { name = "", token = "" } = this.#terms[caller] ?? {}
    const real = this.#real.callers[caller]?.token ?? ""
    const renamed = args.map((arg) => arg.replace(real, token))
    return textOf(name, node, script, renamed, reply !== undefined)
  }
}

const EXECUTED = " (executed)"

/** The times differ. */
function textOf(
  name: string,
  node: number,
  script: string,
  args: readonly string[],
  isExecuted: boolean,
): string {
  const text = `${name} to ${node}: ${script} ${args.join(" ")}${isExecuted ? EXECUTED : ""}`
  return text.replace(/\b\d{16}\b/g, "<time>")
}

function outcomeOf({ released, error }: RealQuorumCaller): unknown {
  if (released !== undefined) return released
  if (error instanceof LockTimeoutError) return "timeout"
  if (error instanceof LockBackendError) return "failed"
  return error instanceof Error ? error.message : undefined
}

/** An aborted call has its outcome at once, although a request of it may still be under way. */
function expectedOutcome(
  { phase, isAborted }: Caller,
  outcome: string | undefined,
): string | undefined {
  return phase === "over" || isAborted ? outcome : undefined
}
