// The built command as a child process: its output and its exit.
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { once } from "node:events"
import type { Readable } from "node:stream"
import { fileURLToPath } from "node:url"
import { vi } from "vitest"

const COMMAND = fileURLToPath(new URL("../dist/bin.js", import.meta.url))

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

export class RunningCommand {
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ending>
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  #out = ""
  #err = ""

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [COMMAND, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    })
    child.stdout.on("data", (chunk: Buffer) => {
      this.#out += chunk.toString()
    })
    child.stderr.on("data", (chunk: Buffer) => {
      this.#err += chunk.toString()
    })
    this.#child = child
    this.ended = this.#end()
  }

  /** The address, once the server listens, and the output so far. */
  async started(): Promise<{ url: string; token: string; out: string }> {
    const isSettled = () => this.#out.includes("Ctrl-C") || this.#child.exitCode !== null
    await vi.waitUntil(isSettled, { timeout: 10_000 })
    const [url] = /http:\/\/\S+/.exec(this.#out) ?? []
    if (url === undefined) throw new Error(`it did not start: ${this.#err}`)
    const [, token = ""] = /REST_TOKEN=(\S+)/.exec(this.#out) ?? []
    return { url, token, out: this.#out }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async #end(): Promise<Ending> {
    const [code, signal] = (await once(this.#child, "close")) as [
      number | null,
      NodeJS.Signals | null,
    ]
    return { code, signal, out: this.#out, err: this.#err }
  }
}
