// Shared locks, semaphores and steal, for each engine, each client, with streams and with polling.
import { describe } from "vitest"
import { openLab } from "../contract/lab.js"
import { closing } from "./closing.js"
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
    describe("going down", () => {
      closing(lab)
    })
    describe("steal", () => {
      stealing(lab)
    })
  })
}
