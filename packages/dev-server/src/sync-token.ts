// The `upstash-sync-token`: how far a database had come when it answered. It changes with each command that may write.
import { type Command, nameOf } from "./engine.js"
import { mayWrite } from "./upstash-commands.js"

export class SyncToken {
  #writes = 0

  count(commands: readonly Command[]): void {
    this.#writes += commands.filter((command) => mayWrite(nameOf(command))).length
  }

  /** There is one database, without replicas, so a token that is sent back asks for nothing. */
  toString(): string {
    return `local=${this.#writes}`
  }
}
