// The promises of `watch`: on each engine, over each client, with streams and with polling.
import { describe } from "vitest"
import { describeVariants } from "../support/describe-variants.js"
import { embedded } from "../support/variants.js"
import { watching, watchingClosely } from "./watching.js"

describeVariants("a hold that watches", watching)

describe("a hold that watches", () => {
  watchingClosely(embedded)
})
