// The tests. They mostly wait, so the tests of one file run concurrently, instead of more files at once.
// `npm test` runs those of the library; `npm run test:long` those of the local server, and whatever takes long.
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"
import { SecondTry } from "./test/support/second-try.js"
import { Watchdog } from "./test/support/watchdog.js"

/** Small files whose tests take long, or wait one after the other. They begin first, since the last file must be short. */
const LONG = [
  ...["workerd/workerd", "contract/contract", "quorum/quorum", "quorum/contract"],
  ...["cli/run", "cli/doctor"],
].map((name) => `/test/${name}.test.ts`)

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONG.some((name) => moduleId.endsWith(name))
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

/** The tests of single files, most of which move the clocks. */
const UNITS = [
  "test/{acquire,redis,time,values}/**/*.test.ts",
  "test/hold/{end-of-hold,lock,lock-group,open-holds,renewal,while-held}.test.ts",
  "test/once/once-*.test.ts",
  "test/quorum/quorum-{attempt,node,store}.test.ts",
  "test/quorum/until-decided.test.ts",
]

/** These count the timers of a process, or replace globals beside open connections, so each has its own process. */
const ALONE = [
  "test/histories/*.test.ts",
  "test/docs/http.test.ts",
  "test/hold/{leaked-handle,watch}.test.ts",
  "test/http/hono/{lock-routes,node-server}.test.ts",
  "test/lock-manager/{clean-up,proxy}.test.ts",
  "test/security/*.test.ts",
  "test/verification/explore/explore.test.ts",
]

/**
 * Whole programs, in processes, runtimes and browsers of their own; the contract on several databases; each fault of each
 * request; and the tests of what proves the rest.
 */
const LASTING = [
  "test/verification/{torture,quorum-torture,matrix}.test.ts",
  "test/{demo,examples}/*.test.ts",
  "test/docs/{doc-comments,readme}.test.ts",
  "test/cli/*.test.ts",
  "test/faults/*.test.ts",
  "test/lua-mutants/*.test.ts",
  "test/verification/explore/*conformance.test.ts",
  "test/quorum/contract.test.ts",
  "test/package/{bundle,runtimes,typescript}.test.ts",
]

/** The settings of all projects. Without the global setup, which each project would repeat. */
const SHARED = {
  testTimeout: 20_000,
  hookTimeout: 30_000,
  maxConcurrency: 6,
  // Where nobody can look at a failure, a test may fail once: many tell times apart, and the machine may be busy.
  retry: Number(process.env["FETCHLOCK_TEST_RETRY"] ?? 0),
  // The projects would translate the same files.
  experimental: { fsModuleCache: true },
}
/** Files that share their processes: loading all modules again takes a second for each file. */
const TOGETHER = { isolate: false, setupFiles: ["test/support/globals-unchanged.ts"] }
// The local server is run from its source. Not Vite's default "module", which selects files for bundlers that Node cannot load.
const CONDITIONS = ["@fetchlock/source", "node", "development|production"]

export default defineConfig({
  test: {
    globalSetup: ["test/support/global-setup.ts"],
    sequence: { sequencer: LongFirst },
    reporters: ["default", new Watchdog(), new SecondTry()],
    maxWorkers: 3,
    projects: [
      {
        ssr: { resolve: { conditions: CONDITIONS } },
        test: { ...SHARED, name: "units", include: UNITS, ...TOGETHER },
      },
      {
        ssr: { resolve: { conditions: CONDITIONS } },
        test: { ...SHARED, name: "alone", include: ALONE, isolate: true },
      },
      {
        ssr: { resolve: { conditions: CONDITIONS } },
        test: {
          ...SHARED,
          name: "together",
          include: ["test/**/*.test.ts"],
          exclude: [...UNITS, ...ALONE, ...LASTING],
          ...TOGETHER,
        },
      },
      {
        ssr: { resolve: { conditions: CONDITIONS } },
        test: {
          ...SHARED,
          name: "dev-server",
          include: ["packages/dev-server/test/**/*.test.ts"],
          ...TOGETHER,
        },
      },
      {
        ssr: { resolve: { conditions: CONDITIONS } },
        test: { ...SHARED, name: "long", include: LASTING },
      },
    ],
  },
})
