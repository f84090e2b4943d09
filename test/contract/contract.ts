// The contract of a lock, in its parts, for every variant.
import { describe } from "vitest"
import type { Variant } from "../support/variants.js"
import { closing } from "./closing.js"
import { ending } from "./ending.js"
import { fencing } from "./fencing.js"
import { granting } from "./granting.js"
import { holding } from "./holding.js"
import { inspecting } from "./inspecting.js"
import { openLab } from "./lab.js"
import { naming } from "./naming.js"
import { releasing } from "./releasing.js"
import { requesting } from "./requesting.js"
import { telling } from "./telling.js"
import { waiting } from "./waiting.js"

export function contract(variant: Variant): void {
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
  if (variant.hasQueue) {
    describe("inspecting", () => {
      inspecting(lab)
    })
  }
  describe("request", () => {
    requesting(lab)
  })
  describe("going down", () => {
    closing(lab)
  })
  describe("names", () => {
    naming(lab)
  })
  describe("events and errors", () => {
    telling(lab)
  })
  describe("ends", () => {
    ending(lab)
  })
}
