// A short torture test of a quorum, in both directions: it finds nothing, and it would find a broken rule.
import { expect, test } from "vitest"
import { runTorture } from "../../verification/torture/quorum/torture.js"
import { describeOnRedis } from "../support/variants.js"

describeOnRedis("under torture", () => {
  // A violation counts, however often it is not seen again.
  test(
    "ten contenders never overlap while databases are killed, paused and emptied",
    { timeout: 180_000, retry: 0 },
    async () => {
      const seed = Math.floor(Math.random() * 2 ** 32)
      const settings = { seconds: 10, seed, quarantine: true, contenders: 10 }
      const report = await runTorture({ ...settings, leastGrants: 10 })
      expect(report, `seed ${String(seed)}`).toMatchObject({
        overlaps: [],
        fencingFailures: [],
        unhandledRejections: [],
        stuck: [],
      })
      expect(report.grants).toBeGreaterThanOrEqual(10)
      const { killed, paused, emptied } = report.troubles
      expect(killed + paused + emptied).toBeGreaterThan(5)
    },
  )

  test("overlaps are found with the quarantine off", async () => {
    const settings = { seconds: 60, seed: 1, quarantine: false, contenders: 20 }
    const report = await runTorture({ ...settings, stopAtOverlap: true })
    expect(report.overlaps.length).toBeGreaterThan(0)
  }, 120_000)
})
