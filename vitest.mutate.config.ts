// The tests that mutants of the core are run against (`npm run mutate`): those that take no time. They need no build and
// no Redis, and run one after the other, so that it is known which of them reach which line.
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Unit tests first: most mutants die there, within milliseconds. */
class UnitsFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => (moduleId.includes("/test/unit/") ? 0 : 1)
    return Promise.resolve([...files].sort((a, b) => rank(a) - rank(b)))
  }
}

export default defineConfig({
  // The local server is run from its source; the others are Vite's own conditions.
  ssr: {
    resolve: { conditions: ["@fetchlock/source", "module", "node", "development|production"] },
  },
  test: {
    include: ["test/unit/**/*.test.ts", "test/bad-input.test.ts", "test/mutation/*.mutate.ts"],
    sequence: { sequencer: UnitsFirst },
    maxConcurrency: 1,
    // What a mutant keeps from ending.
    testTimeout: 2_000,
    hookTimeout: 5_000,
  },
})
