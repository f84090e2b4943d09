// Decides which request suffers which fault: depends only on the seed, the client and the number of its requests so far.
import type { Plan, SeenRequest } from "../../../test/support/fault-proxy.js"
import { argumentsOf, operationOf } from "../../../test/support/operation.js"
import { monotonicMs } from "../monotonic.js"
import { Random } from "../random.js"
import { FAR_MS, isFar } from "../far-clients.js"
import { chooseFault, type ChosenFault, tooLate } from "./faults.js"

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
  /** A waiter has entered the queue of a lock. */
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

export function planFaults(settings: FaultSettings, onlooker: Onlooker): Plan {
  const { seed, client, share, prefix } = settings
  const faultyStreams = new Map<string, Stream>()
  let n = 0
  return ({ commands, operations }) => {
    onlooker.onRequest()
    const at = monotonicMs()
    const isStream = operations[0] === "SUBSCRIBE"
    const name = isStream ? undefined : nameIn(commands, prefix)
    if (name !== undefined) {
      for (const { channel, ttlMs } of entriesIn(commands)) {
        const stream = channel === "-" ? "none" : (faultyStreams.get(channel) ?? "healthy")
        faultyStreams.delete(channel)
        onlooker.onWaiter(name, stream, ttlMs, at)
      }
    }
    const random = Random.of(seed, client, n++)
    const isStruck = random.chance(share)
    if (!isStruck && (isStream || !isFar(client))) return undefined
    if (!isStruck && !random.chance(FAR_TOO_LATE)) {
      return { kind: "reply-delayed", ms: random.between(...FAR_MS) }
    }
    const chosen = isStruck ? chooseFault(random, isStream) : tooLate(random)
    const [[, channel] = []] = commands
    if (isStream && channel !== undefined) {
      faultyStreams.set(channel, chosen.effect === "silent" ? "silent" : "faulty")
    }
    onlooker.onFault(name, chosen, at)
    return chosen.fault
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

/** The channel and the ttl of each waiter that the commands enter into a queue. */
function entriesIn(commands: SeenRequest["commands"]): { channel: string; ttlMs: number }[] {
  return commands.flatMap((command) => {
    if (operationOf(command) !== "acquire") return []
    const [entry = "", ttl, action] = argumentsOf(command)
    const [, channel] = entry.split(" ")
    return action === "enqueue" && channel !== undefined ? [{ channel, ttlMs: Number(ttl) }] : []
  })
}
