// The tests. Most of their time is spent waiting, so those of a file run together rather than more files at once.
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    maxWorkers: 3,
    maxConcurrency: 6,
  },
})
