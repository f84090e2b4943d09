// Which requests are executed when nobody wants their answer any more, by a fault or since the machine was busy: such a one may
// hold the lock, or a place in its queue, for nobody. Who sends it only then is not excused.
import type { Execution } from "../../test/support/fault-proxy.js"
import { operationOf } from "../../test/support/operation.js"
import { sentAtOf } from "../sent-at.js"
import { TIMEOUT_MS } from "../times.js"

const ASKS_FOR_IT = ["acquire", "steal", "SET"]
const TOKEN = /\bfl_client-\d+_[\w-]{24}/
/** No request is under way for so long. */
const REMEMBERED_MS = 30_000

export class Belated {
  /** When the releases and leaves that were executed had been sent, by token. */
  readonly #letGo = new Map<string, number>()

  /** Told of each execution at its beginning. Whether it may take what nobody wants. */
  see({ commands, headers }: Execution, now = Date.now()): boolean {
    const sentAt = sentAtOf(headers)
    let isBelated = false
    for (const command of commands) {
      const operation = operationOf(command)
      const token = TOKEN.exec(command.join(" "))?.[0] ?? ""
      if (operation === "release") this.#letGo.set(token, sentAt)
      else if (ASKS_FOR_IT.includes(operation)) {
        const isGivenUp = now - sentAt >= TIMEOUT_MS
        isBelated ||= isGivenUp || sentAt <= (this.#letGo.get(token) ?? -Infinity)
      }
    }
    this.#forget(now)
    return isBelated
  }

  /** About in the order in which they were let go of first. */
  #forget(now: number): void {
    for (const [token, at] of this.#letGo) {
      if (at > now - REMEMBERED_MS) return
      this.#letGo.delete(token)
    }
  }
}
