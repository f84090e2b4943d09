// Decides which request suffers which fault: depends only on the seed, the client and the number of its requests so far.
import type { Execution, Plan, SeenRequest } from "../../../test/support/fault-proxy.js"
import { argumentsOf } from "../../../test/support/operation.js"
import { monotonicMs } from "../monotonic.js"
import { Random } from "../random.js"
import { FAR_MS, isFar } from "../far-clients.js"
import { kindOf, resultsIn } from "./belated.js"
import { chooseFault, type ChosenFault, tooLate } from "./faults.js"

/** The longest wait of a visitor. */
const LONGEST_WAIT_MS = 6_000

/** The actions of acquire.lua that enter the queue. */
const ENTERING = new Set(["claim", "enqueue"])

/** The additional share of replies to a far client that are too late. */
const FAR_TOO_LATE = 0.2

/** Receives each request of a client before its fault. */
export interface Onlooker {
  onRequest(): void
  /** @param name the request's lock; undefined for a stream, whose channel does not reveal it */
  onFault(name: string | undefined, fault: ChosenFault, at: number): void
  /** A request for a lock was executed only after its deadline. */
  onLate(name: string, at: number): void
  /** A request for a lock is executed after it was given up. */
  onBelated(name: string, at: number): void
  /** A waiter has entered the queue of a lock, or its stream is faulty: it may be reported again. */
  onWaiter(name: string, stream: Stream, ttlMs: number, at: number): void
}

/** How a waiter learns of its grant: not at all, by a stream that will break, by polling, or by a healthy stream. */
export type Stream = "silent" | "faulty" | "none" | "healthy"

export interface FaultSettings {
  readonly seed: number
  readonly client: number
  /** The share of requests that suffer a fault. */
  readonly share: number
  /** The prefix of the keys. */
  readonly prefix: string
}

/** The faults of one client. */
export interface ClientFaults {
  readonly plan: Plan
  /** Receives each execution, in order: a reply says which waiter has entered a queue. */
  readonly see: (execution: Execution) => void
}

export function planFaults(settings: FaultSettings, onlooker: Onlooker): ClientFaults {
  const { seed, client, share, prefix } = settings
  const streams = new Map<string, Stream>()
  const waiters = new Waiters()
  let n = 0
  const see = ({ commands, answer }: Execution) => {
    const at = monotonicMs()
    const results = resultsIn(answer)
    for (const [i, command] of commands.entries()) {
      const name = nameIn([command], prefix)
      const entry = kindOf(results[i]) === "queued" ? entryIn(command) : undefined
      if (name === undefined || !entry) continue
      const { channel, ttlMs } = entry
      const stream = channel === "-" ? "none" : (streams.get(channel) ?? "healthy")
      onlooker.onWaiter(name, stream, ttlMs, at)
      waiters.add({ channel, name, ttlMs, at })
    }
  }
  const plan: Plan = ({ commands, operations }) => {
    onlooker.onRequest()
    const at = monotonicMs()
    const isStream = operations[0] === "SUBSCRIBE"
    const name = isStream ? undefined : nameIn(commands, prefix)
    const [[, channel = ""] = []] = commands
    if (isStream) streams.delete(channel)
    const random = Random.of(seed, client, n++)
    const isStruck = random.chance(share)
    if (!isStruck && (isStream || !isFar(client))) return undefined
    if (!isStruck && !random.chance(FAR_TOO_LATE)) {
      return { kind: "reply-delayed", ms: random.between(...FAR_MS) }
    }
    const chosen = isStruck ? chooseFault(random, isStream) : tooLate(random)
    if (isStream) {
      const stream = chosen.effect === "silent" ? "silent" : "faulty"
      streams.set(channel, stream)
      // They entered the queue before their stream was opened.
      for (const waiter of waiters.on(channel, at)) {
        onlooker.onWaiter(waiter.name, stream, waiter.ttlMs, at)
      }
    }
    onlooker.onFault(name, chosen, at)
    return chosen.fault
  }
  return { plan, see }
}

interface WaiterOnChannel {
  readonly channel: string
  readonly name: string
  readonly ttlMs: number
  readonly at: number
}

/** The waiters that have entered a queue, by the channel of their stream, for as long as they may wait. */
class Waiters {
  #all: WaiterOnChannel[] = []

  add(waiter: WaiterOnChannel): void {
    this.#all = this.#all.filter(({ at }) => at > waiter.at - LONGEST_WAIT_MS)
    this.#all.push(waiter)
  }

  on(channel: string, now: number): readonly WaiterOnChannel[] {
    return this.#all.filter((it) => it.channel === channel && it.at > now - LONGEST_WAIT_MS)
  }
}

/** The lock of the commands. */
export function nameIn(commands: SeenRequest["commands"], prefix: string): string | undefined {
  for (const [command, first, , key] of commands) {
    const found = command === "EVAL" ? key : first
    if (found?.startsWith(prefix)) return found.slice(prefix.length)
  }
  return undefined
}

/** The channel and the ttl of the waiter that the command enters into a queue; undefined if it is a check. */
function entryIn(command: readonly string[]): { channel: string; ttlMs: number } | undefined {
  const [entry = "", ttl, action = ""] = argumentsOf(command)
  const [, address] = entry.split(" ")
  if (address === undefined || !ENTERING.has(action)) return undefined
  // Waiters that share a stream have an address on its channel.
  const [channel = ""] = address.split(".")
  return { channel, ttlMs: Number(ttl) }
}
