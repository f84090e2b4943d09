// Controls a client in workerd: sends it a request for each visit, pauses and kills it.
import { pathToFileURL } from "node:url"
import { inspect } from "node:util"
import { setTimeout as sleep } from "node:timers/promises"
import { Isolate } from "../../../test/workerd/isolate.js"
import type { ClientSettings } from "../client/settings.js"
import { UNHANDLED } from "../client/unhandled.js"
import { monotonicMs } from "../monotonic.js"
import { Random } from "../random.js"
import { ENTRY_MS, NOTEWORTHY_LAG_MS } from "../times.js"
import { isInTime } from "./in-time.js"
import { withProcess } from "./workerd-process.js"

const PING_EVERY_MS = 200

export class WorkerClient {
  readonly number: number
  readonly #isolate: Isolate
  readonly #process: number
  readonly #seed: number
  readonly #visitors: number
  #visits: Promise<unknown> = Promise.resolve()
  readonly #over = new AbortController()
  #nextVisit = 0
  /** Its visits fail then, as they must. */
  #isKilled = false
  readonly #failures: string[] = []
  readonly #onLag: (at: number, ms: number) => void
  #stopping: Promise<boolean> | undefined

  /** @param onLag receives by how much the Worker answered late: it has no clock to measure this itself */
  static async start(
    program: string,
    settings: ClientSettings,
    visitors: number,
    onLag: (at: number, ms: number) => void,
  ): Promise<WorkerClient> {
    const env = { SETTINGS: JSON.stringify(settings) }
    // At these signals, Miniflare would end this process before the summary.
    const forget = rememberListeners(["SIGINT", "SIGTERM"])
    const worker = pathToFileURL(program)
    const [isolate, pid] = await withProcess(() => Isolate.start({ worker, env }))
    forget()
    await isolate.fetch("/ping")
    return new WorkerClient(isolate, pid, settings, visitors, onLag)
  }

  private constructor(
    isolate: Isolate,
    pid: number,
    { client, seed }: ClientSettings,
    visitors: number,
    onLag: (at: number, ms: number) => void,
  ) {
    this.number = client
    this.#isolate = isolate
    this.#process = pid
    this.#onLag = onLag
    this.#seed = seed
    this.#visitors = visitors
  }

  /** Lets it begin its visits. */
  letIn(): void {
    void this.#watch()
    this.#visits = Promise.all(Array.from({ length: this.#visitors }, (_, i) => this.#visitor(i)))
  }

  /** Kills it. @returns the last time at which it was certainly alive */
  async kill(): Promise<number> {
    this.#isKilled = true
    const at = monotonicMs()
    process.kill(this.#process, "SIGKILL")
    await this.stop(0)
    return at
  }

  pause(): number {
    const at = monotonicMs()
    process.kill(this.#process, "SIGSTOP")
    return at
  }

  resume(): number {
    process.kill(this.#process, "SIGCONT")
    return monotonicMs()
  }

  /** Its failures since the last call: unhandled rejections, and requests with an unexpected answer. */
  readComplaint(): string | undefined {
    // The runtime logs each broken connection as an uncaught exception, even if the fetch's error is caught.
    const logged = this.#isolate.log.splice(0).filter((line) => line.startsWith(UNHANDLED))
    return [...logged, ...this.#failures.splice(0)].join("\n") || undefined
  }

  /** Lets it end its visits. Resolves with false if it did not within the time: then they are interrupted. */
  stop(withinMs: number): Promise<boolean> {
    return (this.#stopping ??= this.#stop(withinMs))
  }

  async #stop(withinMs: number): Promise<boolean> {
    this.#over.abort()
    const isDone = await isInTime(this.#visits, withinMs)
    await this.#isolate.stop()
    return isDone
  }

  async #watch(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const sentAt = monotonicMs()
      await this.#isolate.fetch("/ping").catch(() => undefined)
      const at = monotonicMs()
      if (at - sentAt > NOTEWORTHY_LAG_MS) this.#onLag(at, at - sentAt)
      await sleep(PING_EVERY_MS, undefined, { signal: this.#over.signal }).catch(() => undefined)
    }
  }

  async #visitor(i: number): Promise<void> {
    const random = Random.of(this.#seed, this.number, i, 1)
    await sleep((ENTRY_MS * i) / this.#visitors)
    while (!this.#over.signal.aborted) {
      try {
        const response = await this.#isolate.fetch(`/?visit=${this.#nextVisit++}`)
        if (!response.ok) this.#failures.push(`HTTP ${response.status}: ${await response.text()}`)
        else await response.arrayBuffer()
      } catch (error) {
        if (!this.#isKilled) this.#failures.push(inspect(error))
      }
      await sleep(random.between(0, 40))
    }
  }
}

/** @returns a function that removes the listeners that were added since */
function rememberListeners(signals: readonly NodeJS.Signals[]): () => void {
  const before = signals.map((signal) => process.listeners(signal))
  return () => {
    for (const [i, signal] of signals.entries()) {
      const added = process.listeners(signal).filter((it) => !before[i]?.includes(it))
      for (const listener of added) process.off(signal, listener)
    }
  }
}
