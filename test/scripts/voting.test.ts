// The scripts of a quorum, for each engine.
import { describe } from "vitest"
import { openBench } from "./bench.js"
import { voting } from "./voting.js"
import { hasRedisServer } from "../support/redis-server.js"

for (const engine of ["embedded engine", "real Redis"] as const) {
  const run = engine === "embedded engine" || hasRedisServer() ? describe : describe.skip
  run(engine, () => {
    voting(openBench(engine))
  })
}
