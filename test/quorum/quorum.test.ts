// A quorum of real databases that hang, crash, lose their memory and come back.
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
  describe("without a majority of votes", () => {
    cleaningUp(lab)
  })
  describe("that lose their memory", () => {
    forgetting(lab)
  })
  describe("with fencing tokens", () => {
    fencing(lab)
  })
})
