// No broken script survives: the checks of the scripts notice each rule that is switched off.
import { beforeAll, describe, expect, test } from "vitest"
import * as library from "../../src/redis/lua/scripts.js"
import { brokenScripts } from "./broken-scripts.js"
import { openChecks } from "./checks.js"
import { luaMutants } from "./mutants.js"
import { hearing } from "../scripts/bench.js"
import type { Scripts } from "../support/waiter-by-hand.js"

let checks: Awaited<ReturnType<typeof openChecks>> = []
beforeAll(async () => {
  // Messages arrive at once or never, because there is no network.
  hearing.withinMs = 20
  checks = await openChecks()
})

/** The first claim that the scripts violate. */
async function firstBroken(scripts: Scripts): Promise<string | undefined> {
  for (const { claim, run } of checks) {
    try {
      await run(scripts)
    } catch {
      return claim
    }
  }
  return undefined
}

test("the unmodified scripts pass all checks", async () => {
  expect(await firstBroken(library)).toBeUndefined()
})

describe("a broken rule is noticed", () => {
  for (const mutant of luaMutants) {
    test(`${mutant.file}: ${mutant.breaks}`, async () => {
      const found = await firstBroken(brokenScripts(mutant))
      if (mutant.mayLive === undefined) expect(found, "survives").toBeDefined()
      else expect(found, "is found now: it needs no excuse any more").toBeUndefined()
    })
  }
})
