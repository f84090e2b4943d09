// A quorum of real databases that hang, crash, forget and come back.
import { describe } from "vitest"
import { cleaningUp } from "./cleaning-up.js"
import { failing } from "./failing.js"
import { fencing } from "./fencing.js"
import { forgetting } from "./forgetting.js"
import { openQuorumLab } from "./lab.js"
import { describeOnRedis } from "../support/variants.js"

describeOnRedis("five databases", () => {
  const lab = openQuorumLab()
  describe("that fail", () => {
    failing(lab)
  })
  describe("that are asked in vain", () => {
    cleaningUp(lab)
  })
  describe("that forget", () => {
    forgetting(lab)
  })
  describe("and their fencing tokens", () => {
    fencing(lab)
  })
})
