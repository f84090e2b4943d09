// Plays a schedule of the exploration with the library itself: its callers, its scripts, and a transport that does only what the
// schedule says. Time must be simulated.
import { EmbeddedEngine } from "../../../packages/dev-server/src/engine-embedded.js"
import { LockManager, type Lock } from "../../../src/index.js"
import { once } from "../../../src/once/index.js"
import { withDeadline } from "../../../src/redis/bounds.js"
import { Database, echoing } from "../../../src/redis/database.js"
import * as scripts from "../../../src/redis/lua/scripts.js"
import { RedisError } from "../../../src/redis/redis-error.js"
import { SingleStore } from "../../../src/redis/single-store.js"
import type { StoreRecipe } from "../../../src/redis/store.js"
import type { Listener, ScanPage, Subscription, Transport } from "../../../src/redis/transport.js"
import { TIMEOUT_MS } from "../../../verification/explore/lock/call-model.js"
import type { Terms } from "../../../verification/explore/lock/state.js"
import { commandsTo } from "../../support/virtual-database.js"

/** A request of the library that has not been settled. */
export interface RealRequest {
  readonly caller: number
  /** Empty for a stream. */
  readonly script: string
  readonly args: readonly string[]
  /** The caller still waits for its reply. */
  isAwaited: boolean
  reply: { readonly value: unknown } | undefined
  readonly execute: () => Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve))
}

export class RealCallers {
  readonly requests: RealRequest[] = []
  readonly callers: readonly RealCaller[]
  readonly engine: EmbeddedEngine

  static async create(terms: readonly Terms[]): Promise<RealCallers> {
    return new RealCallers(await EmbeddedEngine.create(), terms)
  }

  private constructor(engine: EmbeddedEngine, terms: readonly Terms[]) {
    this.engine = engine
    this.callers = terms.map((each, i) => new RealCaller(i, each, this))
  }
}

/** One call of the library, and the hold that it is granted. */
export class RealCaller {
  readonly index: number
  readonly terms: Terms
  readonly messages: string[] = []
  lock: Lock | undefined
  error: unknown
  released: unknown
  /** Where the value of a call of `once` came from. */
  source: string | undefined
  hasEndedRun = false
  isDead = false
  listener: Listener | undefined
  isOpen = false
  stopHearing: (() => void) | undefined
  token = ""
  channel = ""
  readonly #abort = new AbortController()
  readonly #manager: LockManager

  constructor(index: number, terms: Terms, all: RealCallers) {
    this.index = index
    this.terms = terms
    const transport = new ManualTransport(this, all)
    const recipe: StoreRecipe = {
      openStore: ({ prefix }) => new SingleStore(new Database(transport, prefix, false)),
    }
    this.#manager = new LockManager({ redis: recipe, timeout: TIMEOUT_MS })
  }

  start(): void {
    const { ttlMs: ttl, waitMs: wait, fencing, limit, renews, steals, watches } = this.terms
    const options = { ttl, wait, renew: renews, watch: watches, signal: this.#abort.signal }
    let calling: Promise<Lock>
    if (this.terms.once) {
      this.#callOnce(this.terms.once.rememberMs)
      return
    }
    if (steals) calling = this.#steal()
    else if (limit === undefined)
      calling = this.#manager.acquire("n", { ...options, fencing } as never)
    else if (limit === Infinity)
      calling = this.#manager.acquire("n", { ...options, mode: "shared" })
    else calling = this.#manager.semaphore("n", limit).acquire(options)
    calling.then(
      (lock) => (this.lock = lock),
      (error: unknown) => (this.error = error),
    )
  }

  /** A steal is a `request`, whose callback ends when the schedule says that it releases. */
  #steal(): Promise<Lock> {
    const { ttlMs: ttl, waitMs: wait, renews: renew, watches: watch } = this.terms
    return new Promise((resolve, reject) => {
      const hold = (lock: Lock) => {
        resolve(lock)
        return new Promise<void>((end) => (this.#endSteal = end))
      }
      const options = { ttl, wait, renew, watch, steal: true }
      this.#manager.request("n", options, hold).catch(reject)
    })
  }

  /** A call of `once`, whose run ends when the schedule says so. */
  #callOnce(remember: number): void {
    const { ttlMs: ttl, waitMs: wait, renews: renew, name } = this.terms
    const run = (lock: Lock) => {
      this.lock = lock
      return new Promise<string>((resolve) => {
        this.#endRun = () => {
          resolve(name)
        }
      })
    }
    const { signal } = this.#abort
    once.detailed(this.#manager, "n", { ttl, wait, renew, remember, signal } as never, run).then(
      ({ source }) => (this.source = source),
      (error: unknown) => (this.error = error),
    )
  }

  #endRun: (() => void) | undefined
  #endSteal: (() => void) | undefined

  release(): void {
    const { lock } = this
    if (!lock) throw new Error("there is no hold to release")
    if (this.terms.once) {
      this.hasEndedRun = true
      this.#endRun?.()
      return
    }
    this.#endSteal?.()
    lock.release().then(
      (result) => (this.released = result),
      () => (this.released = "release failed"),
    )
  }

  abort(): void {
    this.#abort.abort(new Error("aborted"))
  }

  /** Its messages end, at the server. */
  stopListening(): void {
    this.stopHearing?.()
    this.stopHearing = undefined
    this.messages.length = 0
  }

  die(): void {
    this.isDead = true
    this.stopListening()
  }
}

/** The name of a script that is sent. */
export function nameOf(script: string): string {
  return Object.entries(scripts).find(([, text]) => echoing(text) === script)?.[0] ?? ""
}

class ManualTransport implements Transport {
  readonly noticesEnd = true
  readonly #caller: RealCaller
  readonly #all: RealCallers

  constructor(caller: RealCaller, all: RealCallers) {
    this.#caller = caller
    this.#all = all
  }

  evaluate(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
  ): Promise<unknown> {
    const command = commandsTo(this.#all.engine)
    const execute = () => command("EVAL", script, String(keys.length), ...keys, ...args)
    return this.#send(nameOf(script), args.slice(0, -1), timeoutMs, execute)
  }

  async subscribe(channel: string, listener: Listener, timeoutMs: number): Promise<Subscription> {
    const caller = this.#caller
    caller.channel = channel
    caller.listener = listener
    const execute = async () => {
      const onMessage = (_: Buffer, payload: Buffer) => caller.messages.push(payload.toString())
      const topic = { kind: "channel", name: channel } as const
      caller.stopHearing = await this.#all.engine.subscribe(topic, {
        onMessage,
        onEnd: () => undefined,
      })
    }
    await this.#send("", [channel], timeoutMs, execute)
    caller.isOpen = true
    return {
      close: () => {
        caller.isOpen = false
        caller.stopListening()
      },
    }
  }

  scan(): Promise<ScanPage> {
    return Promise.reject(new Error("no caller scans"))
  }

  publish(): Promise<unknown> {
    return Promise.reject(new Error("the scripts publish"))
  }

  #send(
    script: string,
    args: readonly string[],
    timeoutMs: number,
    execute: () => Promise<unknown>,
  ): Promise<unknown> {
    const caller = this.#caller
    if (caller.isDead) return new Promise(() => undefined)
    return withDeadline(timeoutMs, (signal) => {
      return new Promise((resolve, reject) => {
        const request: RealRequest = {
          caller: caller.index,
          script,
          args,
          isAwaited: true,
          reply: undefined,
          execute,
          resolve,
          reject,
        }
        this.#all.requests.push(request)
        signal.addEventListener("abort", () => {
          request.isAwaited = false
          if (script === "") caller.stopListening()
          if (script === "" || caller.terms.cancels) reject(brokenConnection())
        })
      })
    })
  }
}

export function brokenConnection(): RedisError {
  return new RedisError("the connection broke", { outcome: "unknown" })
}
