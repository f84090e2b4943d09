// Mutation tests of the lock's core: `npm run mutate`, or `npm run mutate -- --mutate src/time/validity.ts` for a part of it.
// docs/mutation.md lists the known survivors.

/**
 * The code that decides on holds and on runs: who gets them, how long they are valid, and what is cleaned up. A new file of
 * these folders belongs to it, unless it is named here. Not included: types, options and checks of arguments; what opens or
 * adapts a database or a client, which is tested on real servers; the local server, which is compared with a real Redis; and
 * Lua, whose mutants are in test/lua-mutants.
 * @type {string[]}
 */
const core = [
  "src/time/*.ts",
  "src/values/token.ts",
  "src/semaphore.ts",
  "src/hold/!(lock-transfer).ts",
  "src/acquire/!(request-arguments).ts",
  "src/redis/!(database|env|fetch-client|open-store|store|transport|upstash-client).ts",
  "src/quorum/!(index|quorum|quorum-options).ts",
  "src/once/!(index|once|once-options|once-settings).ts",
]

export default {
  mutate: core,
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner"],
  vitest: { configFile: "vitest.mutate.config.ts", related: false },
  coverageAnalysis: "perTest",
  concurrency: 2,
  // Later runs test only mutants whose result may have changed.
  incremental: true,
  incrementalFile: "reports/mutation/incremental.json",
  reporters: ["progress", "clear-text", "html"],
  htmlReporter: { fileName: "reports/mutation/index.html" },
  clearTextReporter: { allowColor: false, logTests: false },
  // In addition to the time of the tests without the mutant.
  timeoutMS: 3_000,
  timeoutFactor: 1,
  thresholds: { high: 95, low: 90, break: 90 },
  ignorePatterns: ["demo", "dist", "docs", "examples", "reports", "verification", ".stryker-tmp*"],
}
