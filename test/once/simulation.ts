// Eight callers on each of many names, while requests get lost, late and duplicated, messages get lost, and leaders crash; and
// judges that look for violations.
import type { Engine } from "../../packages/dev-server/src/engine.js"
import { type Lock, LockError } from "../../src/index.js"
import { once, OnceError, OnceRunError } from "../../src/once/index.js"
import { Database } from "../../src/redis/database.js"
import { withDeadline } from "../../src/redis/bounds.js"
import { echoing } from "../../src/redis/database.js"
import { onceSettle } from "../../src/redis/lua/scripts.js"
import { RedisError } from "../../src/redis/redis-error.js"
import { SingleStore } from "../../src/redis/single-store.js"
import type { StoreRecipe } from "../../src/redis/store.js"
import type { Listener, Transport } from "../../src/redis/transport.js"
import { commandsTo, managerOn, VirtualTransport } from "../support/virtual-database.js"
import { setTimeout as sleep } from "node:timers/promises"

export interface SimulationOptions {
  readonly seed: number
  readonly names: number
  readonly callers: number
  /** The number of calls of each caller. */
  readonly calls: number
  /** Replaces a script before it is executed. */
  readonly rewrite?: (script: string) => string
}

/** The observations of a simulation. */
export interface Findings {
  readonly calls: number
  readonly runs: number
  readonly crashes: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly longestMs: number
  /** Violations of an invariant. */
  readonly violations: readonly string[]
}

/** The pseudo-random numbers of a seed, from 0 to 1. https://en.wikipedia.org/wiki/Linear_congruential_generator */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

interface Run {
  readonly name: string
  readonly lock: Lock
  readonly process: { isDead: boolean }
  endedAt?: number
  /** When the database had settled it, at the latest. */
  settledAt?: number
  /** Whether it produced a value. */
  hasValue?: boolean
}

/** In its serialized form. */
const settling = echoing(onceSettle)
const REMEMBER_MS = 150
/** The time that a crash blocks its name. */
const TTL_MS = 1_500
const DEADLINE_MS = 20_000

export async function simulate(engine: Engine, options: SimulationOptions): Promise<Findings> {
  const { names, callers, calls, seed, rewrite = (script: string) => script } = options
  const random = randomOf(seed)
  const command = commandsTo(engine)
  const runs: Run[] = []
  const violations: string[] = []
  const outcomes: Record<string, number> = {}
  let crashes = 0
  let longestMs = 0

  /** A transport that harms a fifth of the requests and a tenth of the messages. */
  function network(process: Run["process"]): Transport {
    const way = new VirtualTransport(engine)
    const broken = (what: string) => new RedisError(what, { outcome: "unknown" })
    const evaluate = async (script: string, keys: readonly string[], args: readonly string[]) => {
      if (process.isDead) throw broken("dead")
      const send = async () => {
        const reply = await way.evaluate(rewrite(script), keys, args, 60_000)
        if (script === settling && String((reply as unknown[])[1]) === "released")
          noteSettling(args)
        return reply
      }
      const trouble = random()
      if (trouble < 0.05) throw broken("the request was lost")
      await sleep(1 + random() * (trouble < 0.15 ? 300 : 4))
      if (trouble >= 0.15 && trouble < 0.2)
        void sleep(random() * 300)
          .then(send)
          .catch(() => null)
      const reply = await send()
      if (trouble < 0.1) throw broken("the reply was lost")
      await sleep(random() * 4)
      // A caller that has died meanwhile receives nothing.
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it may have, during the waits
      if (process.isDead) throw broken("dead")
      return reply
    }
    return Object.assign(Object.create(way) as Transport, {
      noticesEnd: true,
      evaluate: (...[script, keys, args, timeoutMs]: Parameters<Transport["evaluate"]>) =>
        withDeadline(timeoutMs, () => evaluate(script, keys, args)),
      publish: () => Promise.reject(broken("nothing is published outside of scripts")),
      subscribe: (channel: string, listener: Listener) =>
        way.subscribe(channel, {
          onEnd: () => {
            listener.onEnd()
          },
          onMessage: (message) => {
            if (random() >= 0.1) listener.onMessage(message)
          },
        }),
    })
  }

  function noteSettling([, kind, , , , , , text = ""]: readonly string[]): void {
    const run = runs[Number(/\d+/.exec(text)?.[0])]
    if (!run) return
    run.settledAt ??= performance.now()
    run.hasValue = kind === "v"
  }

  async function work(name: string, remember: number, process: Run["process"], lock: Lock) {
    for (const other of runs) {
      const goesOn = other.endedAt === undefined && !other.process.isDead
      // The getter checks the clock, as any code under the lock must.
      if (other.name === name && goesOn && !other.lock.signal.aborted) {
        violations.push(`two leaders at once: ${name}`)
      }
      const since = performance.now() - (other.endedAt ?? Infinity)
      if (other.name === name && other.settledAt && other.hasValue && since < remember) {
        violations.push(`a run while a record is fresh: ${name}, ${since} ms old`)
      }
    }
    const run: Run = { name, lock, process }
    const id = runs.push(run) - 1
    await sleep(10 + random() * 40)
    if (random() < 0.04) {
      crashes++
      process.isDead = true
      await new Promise(() => undefined)
    }
    run.endedAt = performance.now()
    if (random() < 0.1) throw new Error(`run ${id}`)
    return { id }
  }

  async function call(name: string, remember: number): Promise<void> {
    const process = { isDead: false }
    const transport = network(process)
    const recipe: StoreRecipe = {
      openStore: ({ prefix }) => new SingleStore(new Database(transport, prefix, false)),
    }
    const locks = managerOn(recipe, { ttl: TTL_MS, wait: "12s", timeout: 1_000 })
    const began = performance.now()
    const deadline = new AbortController()
    const calling = once.detailed(
      locks,
      name,
      { remember, attempts: Infinity, serialize: (value) => JSON.stringify(value) },
      (lock: Lock) => work(name, remember, process, lock),
    )
    const ended = Promise.race([
      calling,
      sleep(DEADLINE_MS, undefined, { signal: deadline.signal }).then(() => {
        if (!process.isDead) violations.push(`a caller that never ends: ${name}`)
        return undefined
      }),
      // A dead caller sends nothing.
      died(process),
    ])
    let outcome: string
    try {
      const result = await ended
      outcome = result?.source ?? "died"
      if (result) judge(name, runs[result.value.id], result.source, began, remember)
    } catch (error) {
      if (error instanceof OnceRunError) {
        const [, id] = /^run (\d+)$/.exec(error.message) ?? []
        judge(name, runs[Number(id)], "joined", began, 0)
      } else if (!(error instanceof LockError) && !(error instanceof OnceError)) {
        if (!/^run \d+$/.test((error as Error).message)) violations.push(String(error))
      }
      outcome = process.isDead ? "died" : (error as Error).name
    } finally {
      deadline.abort()
      calling.catch(() => undefined)
    }
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    if (!process.isDead) longestMs = Math.max(longestMs, performance.now() - began)
  }

  function judge(
    name: string,
    run: Run | undefined,
    source: string,
    began: number,
    remember: number,
  ): void {
    if (run?.name !== name) {
      violations.push(`a result of another name: ${name}`)
      return
    }
    const age = began - (run.settledAt ?? Infinity)
    if (source === "joined" && age > remember) {
      violations.push(`older than its call: ${name}, ${age} ms`)
    }
    if (source === "remembered" && remember === 0) {
      violations.push(`remembered what is not to be remembered: ${name}, ${age} ms`)
    }
  }

  async function died(process: Run["process"]): Promise<undefined> {
    while (!process.isDead) {
      await sleep(100)
      if (performance.now() > finished) return
    }
    return undefined
  }
  let finished = Infinity

  await Promise.all(
    Array.from({ length: names * callers }, async (_, i) => {
      const name = `simulated-${seed}-${i % names}`
      for (let n = 0; n < calls; n++) {
        await sleep(random() * 300)
        await call(name, i % names < names / 2 ? 0 : REMEMBER_MS)
      }
    }),
  )
  finished = performance.now()
  for (const key of (await command("KEYS", `*simulated-${seed}-*`)) as string[]) {
    const life = Number(await command("PTTL", key))
    if (life === -1) violations.push(`a key without a ttl: ${key}`)
  }
  return {
    calls: names * callers * calls,
    runs: runs.length,
    crashes,
    outcomes,
    longestMs,
    violations,
  }
}
