// The fast tests, which run against mutants of the core (`npm run mutate`). They need no build and
// no Redis, and run one after the other, so that the coverage of each test is known.
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** The tests of single files, which need no server. */
const UNITS = /\/test\/((acquire|hold|time|values|redis)\/|once\/once-)/

/** Unit tests first: most mutants die there, within milliseconds. */
class UnitsFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => (UNITS.test(moduleId) ? 0 : 1)
    return Promise.resolve([...files].sort((a, b) => rank(a) - rank(b)))
  }
}

export default defineConfig({
  // The local server is run from its source; the other conditions are Vite's defaults.
  ssr: {
    resolve: { conditions: ["@fetchlock/source", "module", "node", "development|production"] },
  },
  test: {
    include: [
      "test/{acquire,time,values}/*.test.ts",
      // Dropped handles are collected in a process of their own, which needs a build; a watch needs a network, except in
      // test/mutation.
      "test/hold/!(leaked-handle|watch).test.ts",
      "test/redis/!(real-redis).test.ts",
      "test/quorum/{count-votes,quorum-attempt,quorum-node,quorum-nodes,quorum-store,until-decided,vote-reply}.test.ts",
      "test/semaphore.test.ts",
      "test/lock-manager/bad-input.test.ts",
      "test/once/{bad-input,once-*}.test.ts",
      "test/mutation/*.mutate.ts",
    ],
    sequence: { sequencer: UnitsFirst },
    maxConcurrency: 1,
    // A mutant may prevent a test from ending.
    testTimeout: 2_000,
    hookTimeout: 5_000,
  },
})
