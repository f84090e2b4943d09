// The promises of `once`: on each engine, over each client, with streams and with polling.
import { describe } from "vitest"
import { describeVariants } from "../support/describe-variants.js"
import { leading } from "./leading.js"
import { sharing } from "./sharing.js"
import { streams } from "./streams.js"

describeVariants("once", (variant) => {
  describe("results", () => {
    sharing(variant)
  })
  describe("runs", () => {
    leading(variant)
  })
  describe("streams", () => {
    streams(variant)
  })
})
