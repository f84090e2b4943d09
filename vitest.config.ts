// The tests. Most of their time is spent waiting, so those of a file run together rather than more files at once.
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Those that take half a minute and look small, or wait for one thing after the other: what begins last must be short. */
const LONG = [
  "workerd/workerd",
  "contract/contract",
  "verification/torture",
  "demo/demo",
  "verification/quorum-torture",
  "quorum/quorum",
].map((name) => `/test/${name}.test.ts`)

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONG.some((name) => moduleId.endsWith(name))
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  // The local server is run from its source; the others are Vite's own conditions.
  ssr: {
    resolve: { conditions: ["@fetchlock/source", "module", "node", "development|production"] },
  },
  test: {
    include: ["test/**/*.test.ts", "packages/*/test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    sequence: { sequencer: LongFirst },
    testTimeout: 20_000,
    hookTimeout: 30_000,
    maxWorkers: 3,
    // No file replaces a module for itself, and to load all of them anew for each file takes 40 s.
    isolate: false,
    maxConcurrency: 9,
  },
})
