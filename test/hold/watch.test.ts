// The promises of `watch`: on each engine, over each client, with streams and with polling.
import { describe } from "vitest"
import { describeVariants } from "../support/describe-variants.js"
import { variants } from "../support/variants.js"
import { watching, watchingClosely } from "./watching.js"

describeVariants("a hold that watches", watching)

const [first] = variants
if (!first) throw new Error("there is no variant")
describe("a hold that watches", () => {
  watchingClosely(first)
})
