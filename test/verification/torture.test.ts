// A short torture test of one database, in both directions: it finds nothing, and it would find a broken rule.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { breakNamed, BREAKS } from "../../verification/torture/breaks.js"
import { violationsOf } from "../../verification/torture/report.js"
import { USUAL } from "../../verification/torture/settings.js"
import { buildClients } from "../../verification/torture/stage/client-programs.js"
import { torture } from "../../verification/torture/torture.js"
import { describeOnRedis } from "../support/variants.js"

/** Few clients: other tests run meanwhile. */
const FEW = {
  ...USUAL,
  processes: 2,
  workers: 1,
  visitors: 5,
  workerVisitors: 3,
  ledgers: 3,
  quietLedgers: 5,
  crashEveryMs: 1_500,
}

test.each(BREAKS)("the breakage $name matches the source", async ({ breakages }) => {
  const directory = await mkdtemp(join(tmpdir(), "fetchlock-break-"))
  try {
    const { process } = await buildClients(breakages, directory)
    expect(process).toContain(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

const seed = Math.floor(Math.random() * 2 ** 32)

describeOnRedis("under torture", () => {
  // A violation counts, however often it is not seen again.
  test(
    "no judge finds anything while requests suffer, clients die and Redis restarts",
    { timeout: 180_000, retry: 0 },
    async () => {
      const report = await torture({ ...FEW, seconds: 10, restartEveryMs: 4_000, seed })
      expect(violationsOf(report), `seed ${seed}`).toBe("")
      expect(report.keysLeft).toEqual([])
      expect(report.grants).toBeGreaterThan(20)
      expect(report.faulted / report.requests).toBeGreaterThan(0.03)
      expect(report.crashes.restarts).toBeGreaterThan(0)
      expect(report.crashes.kills + report.crashes.pauses).toBeGreaterThan(3)
    },
  )

  test("a release that does not compare the token is found", async () => {
    const { breakages = [], judges = [] } = breakNamed("release") ?? {}
    // With few names: it is found within seconds even where there are few grants, and the run stops there.
    const few = { ...FEW, visitors: 10, ledgers: 2, quietLedgers: 0 }
    const broken = { ...few, seconds: 60, seed, breakages, stopAt: judges }
    const { violations } = await torture(broken)
    expect(judges).toContain(violations[0]?.judge)
  }, 120_000)
})
