// `once` under faults: no invariant is violated; and the judges notice it if a rule is switched off.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import * as library from "../../src/redis/lua/scripts.js"
import { echoing } from "../../src/redis/database.js"
import { brokenScripts } from "../lua-mutants/broken-scripts.js"
import type { Engine } from "../../packages/dev-server/src/engine.js"
import { RedisEngine } from "../../packages/dev-server/src/engine-redis.js"
import { hasRedisServer, type RedisServer, startRedis } from "../support/redis-server.js"
import { openEngine } from "../support/virtual-database.js"
import { onceMutants } from "./mutants.js"
import { simulate } from "./simulation.js"

const place = hasRedisServer() ? "real Redis" : "embedded engine"

describe(`once under faults: ${place}`, () => {
  let engine: Engine
  let redis: RedisServer | undefined
  beforeAll(async () => {
    if (hasRedisServer()) redis = await startRedis()
    engine = redis ? await RedisEngine.connect(redis.url) : await openEngine()
  })
  afterAll(async () => {
    await engine.close()
    await redis?.stop()
  })

  test("no invariant is violated", { timeout: 60_000 }, async ({ annotate }) => {
    const findings = await simulate(engine, { seed: 7, names: 30, callers: 8, calls: 3 })
    await annotate(JSON.stringify(findings))
    expect(findings.violations).toEqual([])
    // The simulation had something to judge.
    expect(findings.crashes).toBeGreaterThan(0)
    expect(findings.outcomes["joined"]).toBeGreaterThan(50)
  })

  /** The rules that have a judge in the simulation. */
  const broken = {
    "a result is never older than the call": /older than its call|remembered what/,
    "there are never two leaders at once": /two leaders/,
    "a fresh result is served to all": /a run while a record is fresh/,
    "no record without a ttl": /without a ttl/,
  }
  test.for(Object.entries(broken))(
    "a broken rule is noticed: %s",
    { timeout: 60_000 },
    async ([rule, judge], { expect }) => {
      const mutant = onceMutants.find(({ breaks }) => breaks === rule)
      if (!mutant) throw new Error("there is no such rule")
      const scripts = brokenScripts(mutant)
      const names = Object.keys(library) as (keyof typeof library)[]
      const rewrite = (script: string) => {
        const name = names.find((each) => script === echoing(library[each]))
        return name ? echoing(scripts[name]) : script
      }
      const size = { seed: 11, names: 10, callers: 5, calls: 3 }
      const { violations } = await simulate(engine, { ...size, rewrite })
      expect(violations.some((violation) => judge.test(violation))).toBe(true)
    },
  )
})
