// Random histories of several managers through a network that fails, on a real Redis: no two hold the lock, no waiter overtakes
// another, fencing tokens rise, and every wait ends.
import fc from "fast-check"
import { expect, test } from "vitest"
import { openFaultLab } from "../faults/lab.js"
import { libraryHistories } from "./history.js"
import { play } from "./play.js"
import { describeOnRedis } from "../support/variants.js"

/** The same each time; to try other ones, and more: `HISTORIES=500 npx vitest run test/histories/histories.test.ts`. */
const more = process.env["HISTORIES"]
/** Most of the time of a history is spent waiting. */
const LANES = 6
const runs = Math.ceil((more === undefined ? 6 : Number(more)) / LANES)
const seed = more === undefined ? 7 : Math.floor(Math.random() * 2 ** 31)

describeOnRedis("the library", () => {
  const lab = openFaultLab()

  test(
    "keeps its promises in random histories with network faults",
    { timeout: 3_600_000 },
    async () => {
      let grants = 0
      const lanes = Array.from({ length: LANES }, (_, lane) => {
        const property = fc.asyncProperty(libraryHistories, async (history) => {
          const granted = await play(lab(), history)
          grants += granted
        })
        // The part of the randomness that is not in the history cannot be shrunk.
        return fc.assert(property, { numRuns: runs, seed: seed + lane, endOnFailure: true })
      })
      await Promise.all(lanes)
      // Most of them: on a busy machine some get nothing before they give up.
      expect(grants).toBeGreaterThanOrEqual((runs * LANES) / 2)
    },
  )
})
