// Mutation tests of the lock's core: `npm run mutate`, or `npm run mutate -- --mutate src/time/validity.ts` for a part of it.
// docs/mutation.md lists the known survivors.

/**
 * The code that decides on holds, their validity and their clean-up. Not included: types and tables of options, adapters,
 * the local server (its tests compare it with a real Redis), and Lua, whose mutants are in test/lua-mutants.
 * @type {string[]}
 */
const core = [
  "src/time/*.ts",
  "src/values/token.ts",
  "src/semaphore.ts",
  "src/hold/{lock,lock-group,standing,while-held}.ts",
  "src/acquire/{acquire-all,acquisition,attempts,poll-schedule,queue-wait,spin,steal}.ts",
  "src/redis/{single-store,queue,mailbox,replies,keys,retry,bounds,request-batcher,subscription}.ts",
  "src/quorum/{count-votes,quorum-attempt,quorum-error,quorum-node,quorum-nodes,quorum-store,until-decided,vote-reply}.ts",
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
