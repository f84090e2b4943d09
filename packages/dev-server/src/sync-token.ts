// The `upstash-sync-token`: the state of the database at its reply. It changes with each command that may write.
import { type Command, nameOf } from "./engine.js"
import { mayWrite } from "./upstash-commands.js"

export class SyncToken {
  #writes = 0

  count(commands: readonly Command[]): void {
    this.#writes += commands.filter((command) => mayWrite(nameOf(command))).length
  }

  /** There is one database, without replicas, so a token that a client sends back has no effect. */
  toString(): string {
    return `local=${this.#writes}`
  }
}
