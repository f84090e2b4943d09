// The queue as its users see it, for each engine, each client, with streams and with polling.
import { describe } from "vitest"
import { openLab } from "../contract/lab.js"
import { arriving } from "./arriving.js"
import { crashing, crashingByPush } from "./crashing.js"
import { givingUp, givingUpByPolling, givingUpByPush } from "./giving-up.js"
import { handingOver, handingOverByPush } from "./handing-over.js"
import { strangers } from "./strangers.js"
import { variants } from "../support/variants.js"

for (const variant of variants) {
  const run = variant.isAvailable ? describe : describe.skip
  run.concurrent(variant.name, () => {
    const lab = openLab(variant)
    describe("without failures", () => {
      handingOver(lab)
      if (variant.push) handingOverByPush(lab)
    })
    describe("in order", () => {
      arriving(lab)
    })
    describe("after a crash", () => {
      crashing(lab)
      if (variant.push) crashingByPush(lab)
    })
    describe("when a waiter gives up", () => {
      givingUp(lab)
      if (variant.push) givingUpByPush(lab)
      else givingUpByPolling(lab)
    })
    describe("among foreign holders", () => {
      strangers(lab)
    })
  })
}
