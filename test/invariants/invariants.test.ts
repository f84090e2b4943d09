// The schedules behind the invariants of the scripts (docs/scripts.md): each is harmless, and does its harm as soon as the rule
// is switched off.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { holds } from "./holds.js"
import { type Library, openLibrary } from "./library.js"
import { queue } from "./queue.js"
import type { Schedule } from "./schedule.js"
import { tokens } from "./tokens.js"
import type { Breakage } from "../support/broken-build.js"
import { FaultProxy } from "../support/fault-proxy.js"
import { connect, type Database, describeOnRedis, openDatabase } from "../support/variants.js"
import { LockByHand } from "../support/waiter-by-hand.js"

const schedules = [...tokens, ...holds, ...queue].sort((a, b) => a.invariant - b.invariant)

describeOnRedis("the invariants", () => {
  let database: Database | undefined
  let names = 0
  beforeAll(async () => {
    database = await openDatabase("real Redis")
  })
  afterAll(() => database?.close())

  async function play({ play }: Schedule, breakages: readonly Breakage[]): Promise<boolean> {
    if (!database) throw new Error("the database is not open yet")
    const { url, command } = database
    const library: Library = await openLibrary(breakages)
    const name = `schedule-${String(names++)}`
    const proxy = await FaultProxy.open(url)
    try {
      return await play({
        name,
        proxy,
        command,
        locks: (options) =>
          new library.LockManager({ redis: connect("fetch client", proxy.url), ...options }),
        others: new library.LockManager({ redis: connect("fetch client", url) }),
        hand: (prelude = "") =>
          new LockByHand(command, name, { prelude, scripts: library.scripts }),
      })
    } finally {
      await proxy.close()
    }
  }

  test("number eight, and each has a schedule", () => {
    const numbers = new Set(schedules.map(({ invariant }) => invariant))
    expect([...numbers]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  describe.concurrent("with the rule in place", () => {
    test.for(schedules)("prevent the harm (invariant $invariant): $rule", async (schedule) => {
      expect(await play(schedule, [])).toBe(false)
    })
  })

  describe.concurrent("with the rule switched off", () => {
    test.for(schedules)("are violated (invariant $invariant): $harm", async (schedule) => {
      expect(await play(schedule, schedule.off)).toBe(true)
    })
  })
})
