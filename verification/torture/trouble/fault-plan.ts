// Which request of which client suffers what: a matter of the seed, the client and how many it has sent, and of nothing else.
import type { Plan, SeenRequest } from "../../../test/support/fault-proxy.js"
import { monotonicMs } from "../monotonic.js"
import { Random } from "../random.js"
import { FAR_MS, isFar } from "../far-clients.js"
import { chooseFault, type ChosenFault, tooLate } from "./faults.js"

/** On the line of a client that is far away so many answers more come too late. */
const FAR_TOO_LATE = 0.2

/** Told of each request of a client before anything happens to it. */
export interface Onlooker {
  onRequest(): void
  /** @param name the lock that it is about; undefined for a stream, whose channel does not tell */
  onFault(name: string | undefined, fault: ChosenFault, at: number): void
  /** A request for a lock was sent that was executed after its deadline only. */
  onLate(name: string, at: number): void
  /** A request for a lock is executed when nobody wants it any more. */
  onBelated(name: string, at: number): void
  /** A waiter has come to the queue of a lock. */
  onWaiter(name: string, stream: Stream, ttlMs: number, at: number): void
}

/** How a waiter hears of its grant: not at all, by a stream that will break, by asking, or by a stream that is well. */
export type Stream = "deaf" | "faulty" | "none" | "well"

export interface FaultSettings {
  readonly seed: number
  readonly client: number
  /** The part of the requests that suffers a fault. */
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
        const stream = channel === "-" ? "none" : (faultyStreams.get(channel) ?? "well")
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
      faultyStreams.set(channel, chosen.effect === "deaf" ? "deaf" : "faulty")
    }
    onlooker.onFault(name, chosen, at)
    return chosen.fault
  }
}

/** The lock that the commands are about. */
export function nameIn(commands: SeenRequest["commands"], prefix: string): string | undefined {
  for (const [command, first, , key] of commands) {
    const found = command === "EVAL" ? key : first
    if (found?.startsWith(prefix)) return found.slice(prefix.length)
  }
  return undefined
}

/** Of each that is entered into a queue its channel, and the ttl that it asks for. */
function entriesIn(commands: SeenRequest["commands"]): { channel: string; ttlMs: number }[] {
  return commands.flatMap((command) => {
    const [entry = "", ttl, action] = command.slice(-4)
    const [, channel] = entry.split(" ")
    return action === "enqueue" && channel !== undefined ? [{ channel, ttlMs: Number(ttl) }] : []
  })
}
