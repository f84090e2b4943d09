// A client in a Node process of its own, as its keeper sees it: started, paused, killed, and its notes read.
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
  /** It waits to be let in, or has ended. */
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
    // So that a run that is cut off leaves none behind, not even one that is paused.
    const killChild = () => this.#child.kill("SIGKILL")
    process.once("exit", killChild)
    this.#exited = once(this.#child, "exit").finally(() => process.off("exit", killChild))
    this.isReady = Promise.race([once(this.#child, "message"), this.#exited])
  }

  /** Lets it begin its visits, as soon as it is ready. */
  letIn(): void {
    void this.isReady.then(() => {
      if (this.#child.connected) this.#child.send("begin")
    })
  }

  /** What it wrote to its standard error since the last time, and how it ended if nobody asked it to. */
  readComplaint(): string | undefined {
    const { exitCode, signalCode } = this.#child
    const written = this.#complaints
    this.#complaints = ""
    const end = exitCode ?? signalCode
    if (end === null || this.#isExpectedToEnd) return written || undefined
    this.#isExpectedToEnd = true
    return `${written}ended with ${end}`
  }

  /** When it was sure to be alive for the last time. */
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

  /** Lets it end its visits. False if it did not end within the time, and had to be killed. */
  async stop(withinMs: number): Promise<boolean> {
    this.#isExpectedToEnd = true
    if (this.#child.connected) this.#child.send("stop")
    const hasEnded = await isInTime(this.#exited, withinMs)
    if (!hasEnded) await this.kill()
    return hasEnded
  }

  /** At once, for an end in a hurry. */
  end(): void {
    this.#isExpectedToEnd = true
    this.#child.kill("SIGKILL")
  }

  /** What it has noted since the last time. */
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
