// The rules of the queue, script by script, with waiters that are created by hand. All scripts run under Upstash's rule that they
// touch no key except their own, which the local server enforces.
import { describe } from "vitest"
import { openBench } from "./bench.js"
import { claiming } from "./claiming.js"
import { dying } from "./dying.js"
import { handingOn } from "./handing-on.js"
import { sharing } from "./sharing.js"
import { standingInLine } from "./standing-in-line.js"
import { hasRedisServer } from "../support/redis-server.js"

for (const engine of ["embedded engine", "real Redis", "Valkey"] as const) {
  const run = engine !== "real Redis" || hasRedisServer() ? describe : describe.skip
  run.concurrent(engine, () => {
    const bench = openBench(engine)
    describe("claiming", () => {
      claiming(bench)
    })
    describe("standing in line", () => {
      standingInLine(bench)
    })
    describe("handing on", () => {
      handingOn(bench)
    })
    describe("dying", () => {
      dying(bench)
    })
    describe("sharing", () => {
      sharing(bench)
    })
  })
}
