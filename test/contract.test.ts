// The contract that every variant keeps: each engine, each way for a command to travel.
import { describe } from "vitest"
import { fencing } from "./contract/fencing.js"
import { granting } from "./contract/granting.js"
import { holding } from "./contract/holding.js"
import { inspecting } from "./contract/inspecting.js"
import { openLab } from "./contract/lab.js"
import { naming } from "./contract/naming.js"
import { releasing } from "./contract/releasing.js"
import { requesting } from "./contract/requesting.js"
import { telling } from "./contract/telling.js"
import { waiting } from "./contract/waiting.js"
import { describeVariants } from "./support/describe-variants.js"

describeVariants("the contract", (variant) => {
  const lab = openLab(variant)
  describe("granting", () => {
    granting(lab)
  })
  describe("waiting", () => {
    waiting(lab)
  })
  describe("releasing", () => {
    releasing(lab)
  })
  describe("holding", () => {
    holding(lab)
  })
  describe("fencing", () => {
    fencing(lab)
  })
  describe("inspecting", () => {
    inspecting(lab)
  })
  describe("request", () => {
    requesting(lab)
  })
  describe("names", () => {
    naming(lab)
  })
  describe("events and errors", () => {
    telling(lab)
  })
})
