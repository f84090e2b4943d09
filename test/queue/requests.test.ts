// The queue when the network harms its requests: each kind of request, each kind of fault.
import { describe } from "vitest"
import { openLab } from "../contract/lab.js"
import { losingRequests } from "./losing-requests.js"
import { variants } from "../support/variants.js"

for (const variant of variants) {
  const run = variant.isAvailable ? describe : describe.skip
  run.concurrent(variant.name, () => {
    losingRequests(openLab(variant))
  })
}
