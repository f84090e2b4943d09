// The guard of requests, the same in each adapter.
import { describe } from "vitest"
import { openLab } from "../contract/lab.js"
import { adapters } from "./guard/adapters.js"
import { bodies } from "./guard/bodies.js"
import { holding } from "./guard/holding.js"
import { preempting } from "./guard/preempting.js"
import { releasing } from "./guard/releasing.js"
import { taking } from "./guard/taking.js"
import { embedded } from "../support/variants.js"

for (const adapter of adapters) {
  describe(adapter.name, () => {
    const lab = openLab(embedded)
    describe.concurrent("taking the lock", () => {
      taking(adapter, lab)
    })
    describe.concurrent("reading the body", () => {
      bodies(adapter, lab)
    })
    describe.concurrent("holding the lock", () => {
      holding(adapter, lab)
    })
    describe.concurrent("a lock that is held", () => {
      preempting(adapter, lab)
    })
    describe.concurrent("releasing the lock", () => {
      releasing(adapter, lab)
    })
  })
}
