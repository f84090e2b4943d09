// A database in this process, without a network: with a simulated clock, tests of hours take no time.
import { vi } from "vitest"
import { withCompareAndSet } from "../../packages/dev-server/src/compare-and-set.js"
import { EmbeddedEngine } from "../../packages/dev-server/src/engine-embedded.js"
import { type Engine, ErrorReply, type Reply } from "../../packages/dev-server/src/engine.js"
import { LockManager, type LockManagerOptions } from "../../src/index.js"
import { withDeadline } from "../../src/redis/bounds.js"
import { readScanPage } from "../../src/redis/replies.js"
import { RedisError } from "../../src/redis/redis-error.js"
import type { Listener, Subscription, Transport } from "../../src/redis/transport.js"
import { Database } from "../../src/redis/database.js"
import { SingleStore } from "../../src/redis/single-store.js"
import type { StoreRecipe } from "../../src/redis/store.js"
import {
  asksFor,
  type Fault,
  type Faults,
  nothing,
  type Plan,
  type SeenRequest,
} from "./fault-proxy.js"
import { operationOf, stepOf } from "./operation.js"
import type { Opened, Variant } from "./variants.js"

/** Lets the clock jump to the next timer whenever nothing else is to be done. */
export function moveClock(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] })
  vi.setTimerTickMode("nextTimerAsync")
}

/** An engine in memory with the commands of Upstash. */
export async function openEngine(): Promise<Engine> {
  return withCompareAndSet(await EmbeddedEngine.create())
}

/** Sends one command without the library. */
export function commandsTo(engine: Engine) {
  return async (...command: readonly string[]): Promise<unknown> => {
    const reply = await engine.run(command)
    if (reply instanceof ErrorReply) throw reply
    return toValue(reply)
  }
}

/** The same as a variant with a network, except for the effects of a network. */
export async function openVirtual(): Promise<Opened> {
  const engine = await openEngine()
  const recipe = recipeFor(new VirtualTransport(engine))
  return {
    url: "http://nowhere.test",
    token: "none",
    redisUrl: undefined,
    command: commandsTo(engine),
    close: () => engine.close(),
    redis: recipe as unknown as LockManagerOptions["redis"],
    locks: (options) => managerOn(recipe, options),
    proxied: () => {
      const proxy = new VirtualTransport(engine)
      return Promise.resolve({ proxy, locks: (options) => managerOn(recipeFor(proxy), options) })
    },
  }
}

function recipeFor(transport: Transport): StoreRecipe {
  return {
    openStore: ({ prefix }) => new SingleStore(new Database(transport, prefix, false)),
  }
}

/** A database of this process, on which the promises that need no network are tested. */
export const virtual: Variant = {
  name: "in this process",
  engine: "embedded engine",
  client: "fetch client",
  push: true,
  hasQueue: true,
  isAvailable: true,
  open: openVirtual,
}

/** A manager on a store that is opened this way. */
export function managerOn(recipe: StoreRecipe, options?: Partial<LockManagerOptions>): LockManager {
  return new LockManager({ redis: recipe, ...options })
}

/** A transport to an engine in this process; it loses, delays and duplicates requests as the plan says. */
export class VirtualTransport implements Transport, Faults {
  readonly noticesEnd = true
  readonly log: SeenRequest[] = []
  plan: Plan = nothing
  readonly #engine: Engine
  readonly #unsettled = new Set<Promise<unknown>>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  seen(operation: string): readonly SeenRequest[] {
    return this.log.filter((request) => asksFor(request, operation))
  }

  async settled(): Promise<void> {
    while (this.#unsettled.size > 0) await Promise.allSettled(this.#unsettled)
  }

  evaluate(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
  ): Promise<unknown> {
    return this.#send(["EVAL", script, String(keys.length), ...keys, ...args], timeoutMs)
  }

  async scan(cursor: string, pattern: string, count: number, timeoutMs: number) {
    const command = ["SCAN", cursor, "MATCH", pattern, "COUNT", String(count)]
    return readScanPage(await this.#send(command, timeoutMs))
  }

  publish(channel: string, message: string, timeoutMs: number): Promise<unknown> {
    return this.#send(["PUBLISH", channel, message], timeoutMs)
  }

  #send(command: readonly string[], timeoutMs: number): Promise<unknown> {
    return withDeadline(timeoutMs, () => {
      const work = this.#travel(command)
      this.#unsettled.add(work)
      const forget = () => this.#unsettled.delete(work)
      work.then(forget, forget)
      return work
    })
  }

  async subscribe(channel: string, listener: Listener): Promise<Subscription> {
    const fault = this.#see(["SUBSCRIBE", channel], [])
    if (fault?.kind === "replaced") throw refusal(fault)
    let isOpen = true
    const stop = await this.#engine.subscribe(
      { kind: "channel", name: channel },
      {
        onMessage: (_, payload) => {
          if (isOpen && fault?.kind !== "stream-stalled") {
            const garbled = fault?.kind === "stream-garbled"
            if (garbled) end()
            else listener.onMessage(payload.toString())
          }
        },
        onEnd: () => {
          end()
        },
      },
    )
    const end = () => {
      stop()
      if (isOpen) listener.onEnd()
      isOpen = false
    }
    if (fault?.kind === "stream-cut") setTimeout(end, fault.afterMs)
    return {
      close: () => {
        isOpen = false
        stop()
      },
    }
  }

  #see(command: readonly string[], answers: readonly string[]): Fault | undefined {
    const seen = {
      index: this.log.length,
      atMs: performance.now(),
      operations: [operationOf(command)],
      steps: [stepOf(command)],
      commands: [command],
    }
    const fault = this.plan(seen)
    this.log.push({ ...seen, fault, answers })
    return fault
  }

  async #travel(command: readonly string[]): Promise<unknown> {
    const answers: string[] = []
    const fault = this.#see(command, answers)
    // A request arrives later than now.
    await Promise.resolve()
    const execute = async () => {
      const reply = await this.#engine.run(command)
      if (reply instanceof ErrorReply) throw refusal({ status: 400, body: reply.message })
      answers.push(JSON.stringify({ result: toValue(reply) }))
      return toValue(reply)
    }
    return fault ? suffer(fault, execute) : execute()
  }
}

async function suffer(fault: Fault, execute: () => Promise<unknown>): Promise<unknown> {
  switch (fault.kind) {
    case "request-lost":
      throw broken()
    case "reply-lost":
    case "truncated":
      await execute()
      throw broken()
    case "request-delayed":
      await pause(fault.ms)
      return execute()
    case "reply-delayed": {
      const reply = await execute()
      await pause(fault.ms)
      return reply
    }
    case "doubled": {
      const first = await execute()
      const second = pause(fault.ms).then(execute)
      return fault.answer === "first" ? first : second
    }
    case "hang":
      if (fault.executed) await execute()
      return new Promise(() => undefined)
    case "replaced":
      if (fault.executed) await execute()
      throw refusal(fault)
    case "stream-cut":
    case "stream-stalled":
    case "stream-garbled":
    case "stream-split":
      throw new Error(`${fault.kind} is for streams`)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function broken(): RedisError {
  return new RedisError("the connection broke", { outcome: "unknown" })
}

function refusal({ status, body }: { readonly status: number; readonly body: string }): RedisError {
  const outcome = [400, 401, 403, 404].includes(status) ? "refused" : "unknown"
  return new RedisError(`HTTP ${String(status)}: ${body}`, { outcome, status })
}

/** A reply as JSON delivers it. */
function toValue(reply: Reply): unknown {
  if (reply instanceof Uint8Array) return reply.toString()
  return Array.isArray(reply) ? (reply as readonly Reply[]).map(toValue) : reply
}
