// Which requests take a lock, or a place in its queue, when nobody wants it any more: they were executed too late, by a fault or since
// the machine was busy. Who sends such a one only then is not excused.
import type { Execution } from "../../../test/support/fault-proxy.js"
import { operationOf, stepOf } from "../../../test/support/operation.js"
import { sentAtOf } from "../sent-at.js"
import { TIMEOUT_MS } from "../times.js"

type Command = Execution["commands"][number]

const TOKEN = /\bfl_client-\d+_[\w-]{24}/
/** No request is under way for so long. */
const REMEMBERED_MS = 30_000

export class Belated {
  /** When the first release or leave of those that were executed had been sent, by token. */
  readonly #letGo = new Map<string, number>()

  /**
   * Told of each execution, in order.
   *
   * @returns the commands by which something was taken that nobody wants
   * @throws Error if it does not tell when it was sent
   */
  see({ commands, headers, answer }: Execution, now = Date.now()): readonly Command[] {
    const sentAt = sentAtOf(headers)
    if (Number.isNaN(sentAt)) throw new Error("a request does not tell when it was sent")
    const results = resultsIn(answer)
    const isGivenUp = now - sentAt >= TIMEOUT_MS
    const belated = commands.filter(
      (command, i) =>
        hasTaken(command, results[i]) &&
        (isGivenUp || sentAt <= (this.#letGo.get(tokenIn(command)) ?? -Infinity)),
    )
    // Afterwards: what is sent together is in the order in which it was meant.
    for (const command of commands.filter((it) => operationOf(it) === "release")) {
      const token = tokenIn(command)
      this.#letGo.set(token, Math.min(sentAt, this.#letGo.get(token) ?? Infinity))
    }
    this.#forget(now)
    return belated
  }

  /** About in the order in which they were let go of first. */
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

/** Whether the lock, or a place, may be somebody's by that. */
function hasTaken(command: Command, result: unknown): boolean {
  // A script's reply comes with the nonce of its request.
  const [, reply] = Array.isArray(result) ? (result as unknown[]) : []
  const kind: unknown = Array.isArray(reply) ? reply[0] : reply
  switch (operationOf(command)) {
    case "claim":
    case "steal":
      return kind === "granted"
    case "acquire":
      return kind === "granted" || (kind === "queued" && stepOf(command) === "acquire: enqueue")
    default:
      return false
  }
}

/** The results of a request, one for each command of a pipeline. */
function resultsIn(answer: string): readonly unknown[] {
  const json = JSON.parse(answer) as unknown
  return [json].flat().map((it) => (it as { result?: unknown } | null)?.result)
}
