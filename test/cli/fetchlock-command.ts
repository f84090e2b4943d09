// The built command `fetchlock` as a child process, connected to a database of the test.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { resolve } from "node:path"
import { until } from "../support/outcomes.js"

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

export interface Setting {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  readonly input?: string
}

/** The part of a database that the command needs. */
export interface Place {
  readonly url: string
  readonly token: string
}

const MAIN = resolve("dist/cli/main.cjs")

/** Node on this file is what `npx fetchlock` starts, too. */
export class FetchlockCommand {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  out = ""
  err = ""

  constructor({ url, token }: Place, args: readonly string[], { env, cwd, input }: Setting = {}) {
    const own = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }
    this.child = spawn(process.execPath, [MAIN, ...args], {
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      env: { ...process.env, ...own, ...env },
      cwd,
    })
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.out += text))
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.err += text))
    this.child.stdin?.end(input)
    this.ended = this.#end()
  }

  /** Waits for output that matches. */
  async prints(pattern: RegExp): Promise<void> {
    const isDone = () => pattern.test(this.out) || pattern.test(this.err) || this.#hasEnded
    // A busy machine starts processes slowly.
    await until(isDone, { timeout: 15_000 })
    if (!pattern.test(this.out) && !pattern.test(this.err)) {
      throw new Error(`ended without ${String(pattern)}: ${this.out}${this.err}`)
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  get #hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  async #end(): Promise<Ended> {
    const [code, signal] = (await once(this.child, "close")) as [
      number | null,
      NodeJS.Signals | null,
    ]
    return { code, signal, out: this.out, err: this.err }
  }
}

/** Runs it to its end. */
export function fetchlock(
  place: Place,
  args: readonly string[],
  setting?: Setting,
): Promise<Ended> {
  return new FetchlockCommand(place, args, setting).ended
}

/** A command line of a program that runs in Node. */
export function node(program: string): string[] {
  return [process.execPath, "-e", program]
}
