// Names the tests of a run that passed only when they were run again, with their first errors: a machine that was too busy,
// or a race.
import type { Reporter, TestCase } from "vitest/node"

export class SecondTry implements Reporter {
  readonly #tests: TestCase[] = []

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.#tests.push(test)
  }

  onTestRunEnd(): void {
    if (this.#tests.length === 0) return
    console.log(`Passed only when run again: ${this.#tests.length}`)
    for (const test of this.#tests) {
      const [error] = test.result().errors ?? []
      console.log(
        `  ${test.module.relativeModuleId} > ${test.fullName}\n    ${error?.message ?? ""}`,
      )
    }
  }
}
