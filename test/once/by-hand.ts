// Plays callers of `once` by hand: runs its scripts as any client of the database could.
import { onceKeys } from "../../src/redis/keys.js"
import { createToken } from "../../src/values/token.js"
import type { Scripts, SendCommand } from "../support/waiter-by-hand.js"

/** The local server then enforces the rule that a script touches no key except its own. */
const KEY_LOCKING = "#!lua flags=allow-key-locking\n"

/** The longest that each key may live. */
const LIVES: Readonly<Record<string, number>> = { run: 120_000, result: 90_000, fence: 86_400_000 }

export const tokenByHand = () => createToken("by-hand")

interface ClaimByHand {
  readonly ttl?: number
  readonly since?: string
  readonly fencing?: boolean
  readonly fingerprint?: string
  readonly attempts?: number
  readonly stale?: number
}

interface SettlementByHand {
  readonly kind?: "v" | "e" | ""
  readonly text?: string
  readonly fingerprint?: string
  readonly fresh?: number
  readonly kept?: number
  readonly fits?: boolean
}

export class OnceByHand {
  readonly command: SendCommand
  readonly keys: readonly string[]
  readonly #scripts: Scripts
  readonly #prelude: string

  constructor(command: SendCommand, name: string, scripts: Scripts, prelude = "") {
    this.command = command
    this.keys = onceKeys("lock:", name)
    this.#scripts = scripts
    this.#prelude = prelude
  }

  get leader(): string {
    return this.keys[0] ?? ""
  }

  get record(): string {
    return this.keys[1] ?? ""
  }

  claim(token: string, options: ClaimByHand = {}): Promise<unknown[]> {
    const { ttl = 30_000, since = "", fencing = false, fingerprint = "-" } = options
    const { attempts = 3, stale = 0 } = options
    const args = [token, ttl, since, fencing ? 1 : 0, fingerprint, attempts, stale, 60_000]
    return this.#run(this.#scripts.onceClaim, args) as Promise<unknown[]>
  }

  settle(token: string, options: SettlementByHand = {}): Promise<unknown[]> {
    const { kind = "v", text = "x", fingerprint = "-", fits = true } = options
    const { fresh = 0, kept = fresh + 30_000 } = options
    const args = [token, kind, fingerprint, fresh, kept, text.length, fits ? 1 : 0, text]
    return this.#run(this.#scripts.onceSettle, args) as Promise<unknown[]>
  }

  forget(): Promise<unknown> {
    return this.#run(this.#scripts.onceForget, [30_000])
  }

  extend(token: string, ttl: number): Promise<unknown> {
    return this.#run(this.#scripts.onceExtend, [token, ttl])
  }

  /** A leader with the given rest of its hold; less than nothing: it has crashed. */
  plant(token: string, leftMs: number, attempt = 1): Promise<unknown> {
    const life = String(60_000 + leftMs)
    return this.command("SET", this.leader, `${token} ${attempt} - 60000`, "PX", life)
  }

  /** The server's time in microseconds. */
  async micros(): Promise<string> {
    const [seconds = "", micros = ""] = (await this.command("TIME")) as string[]
    return String(Number(seconds) * 1_000_000 + Number(micros))
  }

  /** Keys that never expire, or that live for longer than they may. */
  async overdue(): Promise<string[]> {
    const found: string[] = []
    for (const key of this.keys) {
      const life = Number(await this.command("PTTL", key))
      const longest = LIVES[key.slice(key.lastIndexOf(":") + 1)] ?? 0
      if (life === -1 || life > longest) found.push(`${key}: ${life}`)
    }
    return found
  }

  #run(script: string, args: readonly (string | number)[]): Promise<unknown> {
    const text = KEY_LOCKING + this.#prelude + script
    // The transport handles the values behind the arguments.
    const all = [...args.map(String), "a-nonce"]
    return this.command("EVAL", text, String(this.keys.length), ...this.keys, ...all)
  }
}
