// Shared locks, semaphores and theft, for each engine, each way for a command to travel, by push and by polling.
import { describe } from "vitest"
import { openLab } from "../contract/lab.js"
import { querying } from "./querying.js"
import { semaphores } from "./semaphores.js"
import { several } from "./several.js"
import { sharing } from "./sharing.js"
import { stealing } from "./stealing.js"
import { variants } from "../support/variants.js"

for (const variant of variants) {
  const run = variant.isAvailable ? describe : describe.skip
  run.concurrent(variant.name, () => {
    const lab = openLab(variant)
    describe("shared locks", () => {
      sharing(lab)
    })
    describe("semaphores", () => {
      semaphores(lab)
    })
    describe("several locks", () => {
      several(lab)
    })
    describe("query", () => {
      querying(lab)
    })
    describe("theft", () => {
      stealing(lab)
    })
  })
}
