// The tests of the documentation site, which build it first: npm run docs:test.
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: import.meta.dirname,
  ssr: { resolve: { conditions: ["@fetchlock/source", "node", "development|production"] } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/build-site.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
})
