// The resource that the locks protect, kept by the database itself: it counts the holders inside, independent of process and
// clock.
import type { Opened } from "../support/variants.js"

const ENTER = `
local inside = redis.call("INCR", KEYS[1])
redis.call("INCR", KEYS[2])
if inside > 1 then redis.call("INCR", KEYS[3]) end
return inside`

export class Register {
  readonly #command: Opened["command"]
  readonly #name: string

  constructor(command: Opened["command"], name: string) {
    this.#command = command
    this.#name = name
  }

  /** Enters for a moment. Anyone else who enters meanwhile makes an overlap. */
  async visit(forMs: number): Promise<void> {
    const keys = ["inside", "visits", "overlaps"].map((what) => this.#key(what))
    await this.#command("EVAL", ENTER, "3", ...keys)
    await new Promise((resolve) => setTimeout(resolve, forMs))
    await this.#command("DECR", this.#key("inside"))
  }

  async overlaps(): Promise<number> {
    return Number(await this.#command("GET", this.#key("overlaps")))
  }

  async visits(): Promise<number> {
    return Number(await this.#command("GET", this.#key("visits")))
  }

  #key(what: string): string {
    return `register:${this.#name}:${what}`
  }
}
