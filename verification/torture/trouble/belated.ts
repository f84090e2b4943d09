// Finds requests that take a lock, or a place in its queue, after they were given up: they were executed too late, by a fault or on
// a busy machine. A request that was sent only then is not excused.
import type { Execution } from "../../../test/support/fault-proxy.js"
import { operationOf, stepOf } from "../../../test/support/operation.js"
import { sentAtOf } from "../sent-at.js"
import { TIMEOUT_MS } from "../times.js"

type Command = Execution["commands"][number]

const TOKEN = /\bfl_client-\d+_[\w-]{24}/
/** No request is in progress for this long. */
const REMEMBERED_MS = 30_000

export class Belated {
  /** By token: when its first executed release or leave was sent. */
  readonly #letGo = new Map<string, number>()

  /**
   * Receives each execution, in order.
   *
   * @returns the commands that took a lock or a place after they were given up
   * @throws Error if the request does not carry the time of its sending
   */
  see({ commands, headers, answer }: Execution, now = Date.now()): readonly Command[] {
    const sentAt = sentAtOf(headers)
    if (Number.isNaN(sentAt))
      throw new Error("the header that says when it was sent is missing or invalid")
    const results = resultsIn(answer)
    const isGivenUp = now - sentAt >= TIMEOUT_MS
    const belated = commands.filter(
      (command, i) =>
        hasTaken(command, results[i]) &&
        (isGivenUp || sentAt <= (this.#letGo.get(tokenIn(command)) ?? -Infinity)),
    )
    // Afterwards: commands of one request are in the intended order.
    for (const command of commands.filter((it) => operationOf(it) === "release")) {
      const token = tokenIn(command)
      this.#letGo.set(token, Math.min(sentAt, this.#letGo.get(token) ?? Infinity))
    }
    this.#forget(now)
    return belated
  }

  /** The entries are roughly in the order of their times. */
  #forget(now: number): void {
    for (const [token, at] of this.#letGo) {
      if (at > now - REMEMBERED_MS) return
      this.#letGo.delete(token)
    }
  }
}

function tokenIn(command: Command): string {
  return TOKEN.exec(command.join(" "))?.[0] ?? ""
}

/** Whether the command took the lock or a place in its queue. */
function hasTaken(command: Command, result: unknown): boolean {
  const kind = kindOf(result)
  switch (operationOf(command)) {
    case "steal":
      return kind === "granted"
    case "claim":
      return kind === "granted" || kind === "queued"
    case "acquire":
      return kind === "granted" || (kind === "queued" && stepOf(command) === "acquire: enqueue")
    default:
      return false
  }
}

/** The first part of a script's reply, which comes with the nonce of its request. */
export function kindOf(result: unknown): unknown {
  const [, reply] = Array.isArray(result) ? (result as unknown[]) : []
  return Array.isArray(reply) ? (reply as unknown[])[0] : reply
}

/** The results of a request, one for each command of a pipeline. */
export function resultsIn(answer: string): readonly unknown[] {
  const json = JSON.parse(answer) as unknown
  return [json].flat().map((it) => (it as { result?: unknown } | null)?.result)
}
