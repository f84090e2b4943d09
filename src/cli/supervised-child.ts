// Runs the user's command: passes signals on to it, ends it when the lock is lost, and tells how it ended.
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { MAX_TIMER_MS } from "../time/duration.js"
import { EXIT, say } from "./failure.js"
import { inQuotes } from "./printable.js"

/** How the command ended: its exit code, or the signal that ended it. */
export interface Ending {
  readonly code: number
  readonly signal?: NodeJS.Signals
}

export class SupervisedChild {
  /** Never rejects: a command that cannot be started ends with 126 or 127. */
  readonly ended: Promise<Ending>
  readonly #child: ChildProcess | undefined
  readonly #killAfterMs: number
  #killTimer: NodeJS.Timeout | undefined
  #isOver = false

  /** @param killAfterMs how long the command may take to end after SIGTERM */
  constructor(command: readonly string[], env: NodeJS.ProcessEnv, killAfterMs: number) {
    const [file = "", ...args] = command
    this.#killAfterMs = killAfterMs
    try {
      this.#child = spawn(file, args, { stdio: "inherit", env })
      this.ended = this.#end(file, this.#child)
    } catch (error) {
      // Some errors are thrown, and others emitted.
      this.#isOver = true
      this.ended = Promise.resolve(failureOf(file, error as NodeJS.ErrnoException))
    }
  }

  get isRunning(): boolean {
    return !this.#isOver
  }

  forward(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Asks it to end, and ends it if it does not. */
  terminate(): void {
    if (this.#isOver || this.#killTimer) return
    this.#child?.kill("SIGTERM")
    // A stopped process gets the signal when it continues.
    this.#child?.kill("SIGCONT")
    this.#killTimer = setTimeout(
      () => {
        this.#child?.kill("SIGKILL")
      },
      // A longer delay would make the timer fire at once.
      Math.min(this.#killAfterMs, MAX_TIMER_MS),
    )
  }

  async #end(file: string, child: ChildProcess): Promise<Ending> {
    // If this program fails, its command must not go on without a lock.
    const onExit = () => child.kill("SIGTERM")
    process.once("exit", onExit)
    try {
      return await new Promise<Ending>((resolve) => {
        child.once("error", (error) => {
          // A failed `kill` is an error, too.
          if (child.pid === undefined) resolve(failureOf(file, error))
        })
        child.once("exit", (code, signal) => {
          resolve(signal === null ? { code: code ?? 0 } : { code: 0, signal })
        })
      })
    } finally {
      this.#isOver = true
      clearTimeout(this.#killTimer)
      process.off("exit", onExit)
    }
  }
}

function failureOf(file: string, error: NodeJS.ErrnoException): Ending {
  const isMissing = error.code === "ENOENT" || file === ""
  const isThere = file.includes("/") && existsSync(file)
  const missing = isThere ? "the interpreter of its first line does not exist" : "no such command"
  say(`cannot execute ${inQuotes(file)}: ${isMissing ? missing : reasonOf(error)}`)
  return { code: isMissing ? EXIT.notFound : EXIT.notExecutable }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === "EACCES") return "it is not executable"
  if (code === "E2BIG") return "its arguments are too long"
  return message
}
