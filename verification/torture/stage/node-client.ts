// Controls a client in its own Node process: starts, pauses and kills it, and reads its notes.
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, readSync } from "node:fs"
import type { TimedNote } from "../client/notes.js"
import type { ProcessSettings } from "../client/settings.js"
import { monotonicMs } from "../monotonic.js"
import { isInTime } from "./in-time.js"

const CHUNK = 1 << 16

export class NodeClient {
  readonly number: number
  /** Resolves when it is ready to begin, or has ended. */
  readonly isReady: Promise<unknown>
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #diary: number
  #position = 0
  #rest = ""
  #complaints = ""
  #isExpectedToEnd = false

  constructor(program: string, settings: ProcessSettings) {
    this.number = settings.client
    this.#diary = openSync(settings.diary, "a+")
    this.#child = fork(program, [JSON.stringify(settings)], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execArgv: [],
    })
    this.#child.stderr?.on("data", (chunk: Buffer) => (this.#complaints += chunk.toString()))
    // So that an interrupted run leaves no process behind, not even a paused one.
    const killChild = () => this.#child.kill("SIGKILL")
    process.once("exit", killChild)
    this.#exited = once(this.#child, "exit").finally(() => process.off("exit", killChild))
    this.isReady = Promise.race([once(this.#child, "message"), this.#exited])
  }

  /** Lets it begin its visits, as soon as it is ready. */
  letIn(): void {
    void this.isReady.then(() => {
      // It may have been killed a moment ago. Another end is reported as a complaint.
      if (this.#child.connected) this.#child.send("begin", () => undefined)
    })
  }

  /** Its standard error since the last call, and its exit code if it ended unexpectedly. */
  readComplaint(): string | undefined {
    const { exitCode, signalCode } = this.#child
    const written = this.#complaints
    this.#complaints = ""
    const end = exitCode ?? signalCode
    if (end === null || this.#isExpectedToEnd) return written || undefined
    this.#isExpectedToEnd = true
    return `${written}ended with ${end}`
  }

  /** Kills it. @returns the last time at which it was certainly alive */
  async kill(): Promise<number> {
    this.#isExpectedToEnd = true
    const at = monotonicMs()
    this.#child.kill("SIGKILL")
    await this.#exited
    return at
  }

  pause(): number {
    const at = monotonicMs()
    this.#child.kill("SIGSTOP")
    return at
  }

  resume(): number {
    this.#child.kill("SIGCONT")
    return monotonicMs()
  }

  /** Lets it end its visits. Resolves with false if it did not end within the time, and had to be killed. */
  async stop(withinMs: number): Promise<boolean> {
    this.#isExpectedToEnd = true
    if (this.#child.connected) this.#child.send("stop", () => undefined)
    const hasEnded = await isInTime(this.#exited, withinMs)
    if (!hasEnded) await this.kill()
    return hasEnded
  }

  /** Kills it without waiting. */
  end(): void {
    this.#isExpectedToEnd = true
    this.#child.kill("SIGKILL")
  }

  /** Its notes since the last call. */
  readNotes(): TimedNote[] {
    const buffer = Buffer.alloc(CHUNK)
    let text = this.#rest
    for (;;) {
      const length = readSync(this.#diary, buffer, 0, CHUNK, this.#position)
      this.#position += length
      text += buffer.toString("utf8", 0, length)
      if (length < CHUNK) break
    }
    const lines = text.split("\n")
    this.#rest = lines.pop() ?? ""
    return lines.map((line) => JSON.parse(line) as TimedNote)
  }

  close(): void {
    closeSync(this.#diary)
  }
}
