// Compares the model of a caller with the library: after each step of a schedule both must wait for the same replies, believe in the
// same holds and have the same outcomes.
import { expect, vi } from "vitest"
import { LockBackendError, LockLostError, LockTimeoutError } from "../../../src/index.js"
import * as scripts from "../../../src/redis/lua/scripts.js"
import type { Keyspaces } from "../../../verification/explore/keyspaces.js"
import { channelOf } from "../../../verification/explore/lock/channels.js"
import type { LockHappening } from "../../../verification/explore/lock/happening.js"
import { LockServer, scriptOf, tokenOf } from "../../../verification/explore/lock/server.js"
import type { Caller, LockState, Request, Terms } from "../../../verification/explore/lock/state.js"
import {
  brokenConnection,
  type RealCaller,
  RealCallers,
  type RealRequest,
  settle,
} from "./real-callers.js"

type RequestHappening = Extract<
  LockHappening["kind"],
  "execute" | "copy" | "deliver" | "lose-request" | "lose-reply"
>

export class Conformance {
  readonly #terms: readonly Terms[]
  readonly #server: LockServer
  readonly #real: RealCallers

  static async create(keyspaces: Keyspaces, terms: readonly Terms[]): Promise<Conformance> {
    return new Conformance(keyspaces, terms, await RealCallers.create(terms))
  }

  private constructor(keyspaces: Keyspaces, terms: readonly Terms[], real: RealCallers) {
    this.#terms = terms
    this.#server = new LockServer(keyspaces, scripts, terms)
    this.#real = real
  }

  /** Does with the library what happens in the model. @param before the model's state before it */
  async play(before: LockState, { kind, index, ms }: LockHappening): Promise<void> {
    const caller = this.#real.callers[index]
    const request = before.requests[index]
    switch (kind) {
      case "start":
        caller?.start()
        // A call with `watch` begins with a digest, which is made on another thread.
        while (!this.#real.requests.some((one) => one.caller === index && one.isAwaited))
          await settle()
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
      case "cut":
        cut(caller)
        break
      case "message":
        caller?.listener?.onMessage(caller.messages.shift() ?? "")
        break
      case "lose-message":
        caller?.messages.shift()
        break
      case "time":
        await vi.advanceTimersByTimeAsync(ms)
        break
      case "execute":
      case "copy":
      case "deliver":
      case "lose-request":
      case "lose-reply":
        if (request) await this.#playRequest(kind, request)
    }
    await settle()
  }

  /** Fails unless the library is in the model's state. */
  compare(state: LockState): void {
    expect(this.#awaited(), "the requests whose replies are awaited").toEqual(
      state.requests
        .filter(({ role }) => role !== "nobody" && role !== "unsettled")
        .map((request) => this.#textOf(request))
        .sort(),
    )
    for (const [i, caller] of this.#real.callers.entries()) {
      const model = state.callers[i]
      if (!model || model.phase === "dead") continue
      const name = this.#terms[i]?.name ?? ""
      const trustedMs = caller.released === undefined ? (caller.lock?.remainingMs ?? 0) : 0
      expect(
        Math.abs(trustedMs - model.validMs),
        `${name} trusts its hold for ${trustedMs} ms, not ${model.validMs}`,
      ).toBeLessThan(2)
      expect(outcomeOf(caller), `the outcome of ${name}`).toBe(
        expectedOutcome(model, this.#terms[i]?.once !== undefined),
      )
      // A call of `once` closes its stream a moment after its end.
      if (this.#terms[i]?.once && model.phase === "over") continue
      expect(caller.messages.length, `the messages to ${name}`).toBe(state.messages[i]?.length)
    }
  }

  async #playRequest(kind: RequestHappening, request: Request): Promise<void> {
    const real = this.#find(request)
    const forget = () => this.#real.requests.splice(this.#real.requests.indexOf(real), 1)
    switch (kind) {
      case "execute":
        if (request.role === "nobody") forget()
        if (request.role === "nobody" && request.kind === "listen") break
        real.reply = { value: await real.execute() }
        break
      case "copy":
        this.#real.requests.push({
          ...real,
          isAwaited: false,
          resolve: () => undefined,
          reject: () => undefined,
        })
        break
      case "deliver":
        forget()
        real.resolve(real.reply?.value)
        break
      case "lose-request":
      case "lose-reply":
        forget()
        if (request.kind === "listen") this.#real.callers[request.caller]?.stopListening()
        real.reject(brokenConnection())
    }
  }

  #die(caller: RealCaller | undefined): void {
    if (!caller) return
    caller.die()
    const { requests } = this.#real
    for (const request of requests.filter((one) => one.caller === caller.index)) {
      request.isAwaited = false
      if (request.reply) requests.splice(requests.indexOf(request), 1)
    }
  }

  #find(request: Request): RealRequest {
    const wanted = this.#textOf(request)
    const isAwaited = request.role !== "nobody" && request.role !== "unsettled"
    const found = this.#real.requests.find(
      (real) =>
        this.#textOfReal(real) === wanted &&
        real.isAwaited === isAwaited &&
        (real.reply !== undefined) === (request.reply !== null),
    )
    if (!found) throw new Error(`the library has not sent ${wanted}`)
    return found
  }

  #awaited(): string[] {
    return this.#real.requests
      .filter(({ isAwaited }) => isAwaited)
      .map((request) => this.#textOfReal(request))
      .sort()
  }

  #textOf(request: Request): string {
    const terms = this.#terms[request.caller]
    if (!terms) throw new Error("there is no such caller")
    const args =
      request.kind === "listen" ? [channelOf(terms)] : this.#server.argumentsOf(request, terms)
    return withoutTimes(`${terms.name} ${scriptOf(request.kind)} ${args.join(" ")}`)
  }

  /** Tokens and channels are random: they are renamed as in the model. */
  #textOfReal({ caller, script, args }: RealRequest): string {
    const terms = this.#terms[caller]
    if (!terms) throw new Error("there is no such caller")
    const renamed = args
      .join(" ")
      .replace(/fl_[\w-]+(\.w)?/g, tokenOf(terms))
      .replace(/fetchlock-[\w-]+/g, channelOf(terms))
    return withoutTimes(`${terms.name} ${script} ${renamed}`)
  }
}

/** The times and digests differ. */
function withoutTimes(text: string): string {
  return text.replace(/\b\d{16}\b/g, "<time>").replace(/ [0-9a-f]{40} /g, " <digest> ")
}

function outcomeOf({ released, error, source }: RealCaller): unknown {
  if (source !== undefined) return source
  if (error instanceof LockLostError) return "lost"
  if (released !== undefined) return released
  if (error instanceof LockTimeoutError) return "timeout"
  if (error instanceof LockBackendError) return "failed"
  return error instanceof Error ? error.message : undefined
}

/** Its stream ends, and it notices. */
function cut(caller: RealCaller | undefined): void {
  if (!caller) return
  const { isOpen, listener } = caller
  caller.stopListening()
  if (isOpen) listener?.onEnd()
}

/** A call of `once` has its outcome when its hold is lost, or when it has settled once: the rest goes on behind it. */
function expectedOutcome({ phase, kind, outcome }: Caller, isOnce: boolean): string | undefined {
  if (phase === "over") return outcome
  if (!isOnce) return undefined
  if (phase === "lost") return "lost"
  return kind === "once-settle" && outcome !== "" ? outcome : undefined
}
