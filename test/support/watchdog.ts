// Ends a test run in which a file hangs, and names the file: a loop that never waits blocks its own timeouts as well.
import type { Reporter, TestModule } from "vitest/node"

/** No file takes half as long, on a slow machine. */
const LONGEST_MS = 240_000
const LOOK_MS = 5_000

export class Watchdog implements Reporter {
  readonly #running = new Map<string, number>()
  #timer: ReturnType<typeof setInterval> | undefined

  onTestRunStart(): void {
    this.#timer = setInterval(() => {
      this.#look()
    }, LOOK_MS).unref()
  }

  onTestModuleStart(module: TestModule): void {
    this.#running.set(module.relativeModuleId, performance.now())
  }

  onTestModuleEnd(module: TestModule): void {
    this.#running.delete(module.relativeModuleId)
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    for (const [file, startedAt] of this.#running) {
      if (performance.now() - startedAt < LONGEST_MS) continue
      console.error(`${file} has run for ${LONGEST_MS / 1_000} s: it hangs. The run is ended.`)
      process.exit(1)
    }
  }
}
