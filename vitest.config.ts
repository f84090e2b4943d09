// The tests. Most of their time is spent waiting, so those of a file run together rather than more files at once.
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"
import { Watchdog } from "./test/support/watchdog.js"

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

/** These move clocks, count the timers of a process or replace what is global, and so have a process of their own. */
const ALONE = [
  "test/{acquire,faults,histories,hold,redis,time,values}/**/*.test.ts",
  "test/docs/{http,readme}.test.ts",
  "test/http/hono/{lock-routes,node-server}.test.ts",
  "test/lock-manager/{clean-up,proxy}.test.ts",
  "test/quorum/quorum-{attempt,node,store}.test.ts",
  "test/quorum/until-decided.test.ts",
  "test/security/*.test.ts",
]

/** What both projects have. What is set up for all of the run is not among it: each would do it. */
const SHARED = { testTimeout: 20_000, hookTimeout: 30_000, maxConcurrency: 9 }
// The local server is run from its source; the others are Vite's own conditions.
const CONDITIONS = ["@fetchlock/source", "module", "node", "development|production"]

export default defineConfig({
  test: {
    globalSetup: ["test/support/global-setup.ts"],
    sequence: { sequencer: LongFirst },
    reporters: ["default", new Watchdog()],
    maxWorkers: 3,
    projects: [
      {
        ssr: { resolve: { conditions: CONDITIONS } },
        test: { ...SHARED, name: "alone", include: ALONE, isolate: true },
      },
      {
        ssr: { resolve: { conditions: CONDITIONS } },
        test: {
          ...SHARED,
          name: "together",
          include: ["test/**/*.test.ts", "packages/*/test/**/*.test.ts"],
          exclude: ALONE,
          // To load all modules anew for each file takes 40 s.
          isolate: false,
          setupFiles: ["test/support/globals-unchanged.ts"],
        },
      },
    ],
  },
})
