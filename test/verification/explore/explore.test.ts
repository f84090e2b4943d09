// The exploration visits what it should, holds in its quick form, and finds rules that are switched off.
import { describe, expect, test } from "vitest"
import { INTACT, rulesWith } from "../../../verification/explore/broken-rules.js"
import { tableOf } from "../../../verification/explore/schedule-table.js"
import { StateTable } from "../../../verification/explore/state-table.js"
import { WORLDS } from "../../../verification/explore/worlds.js"

describe("the invariants hold in the states near the beginning", () => {
  for (const world of WORLDS) {
    test(world.name, async () => {
      const { exploration } = await world.explore(INTACT, world.quick)
      expect(exploration.violation).toBeUndefined()
      expect(exploration.states).toBeGreaterThanOrEqual(world.quick.states)
    })
  }
})

describe("a rule that is switched off is found, with a shortest schedule", () => {
  const found = [
    ["queue", "a release hands the lock on to the waiters", "the lock is free, and has waiters"],
    ["queue", "a late check does not lock the name for nobody", "without being in the queue"],
    ["dead-second", "only the first listening waiter is notified", "channel-E is not next"],
    ["dead-second", "waiters behind the caller are not considered", "and fl_D waits for it"],
    ["dead-head", "if the caller itself has no listener", "does not listen itself"],
    ["dead-writer", "an expired shared hold is gone", '"released" instead of "gone"'],
    ["steal", "a steal ends the holds of all sharers", "are still listed"],
    ["once-sharing", "runs are told apart", "older than its call"],
    ["watch", "a steal notifies a holder that watches", "is not notified"],
    ["quorum-held", "calls whose tokens have the same beginning", "does not have it"],
    ["quorum-held", "a lock needs the votes of a majority", "A and B hold the lock at once"],
    ["quorum-held", "a hold ends early by what clocks may drift", "only 0 databases keep"],
    ["quorum-retry", "a late vote of an earlier attempt", "has replaced a later attempt"],
    ["quorum-renewal", "a renewal needs a majority", "only 1 databases keep"],
    ["quorum-fencing", "a fencing token is noted only with the vote", 'instead of "taken"'],
    // On the way to where the world begins.
    ["line", "big numbers travel in full", "an unexpected reply"],
  ] as const
  for (const [name, rule, message] of found) {
    test(`${name}: ${rule}`, async () => {
      const [broken] = rulesWith(rule)
      const world = WORLDS.find((one) => one.name === name)
      if (!broken || !world) throw new Error("the rule or the world is not known")
      const { exploration, rows } = await world.explore(broken.codeWithout(), {
        ...world.quick,
        states: 30_000,
      })
      expect(exploration.violation?.message).toContain(message)
      expect(rows).toHaveLength(exploration.violation?.schedule.length ?? 0)
    })
  }
})

test("a state that was found is known again, and the way to it", () => {
  const table = new StateTable()
  expect(table.add("the beginning", 0, 0)).toBe(-1)
  const found = Array.from({ length: 100_000 }, (_, i) => table.add(`state ${i}`, i, i % 7))
  expect(found).toEqual(found.map((_, i) => -i - 2))
  expect(found.map((_, i) => table.add(`state ${i}`, 0, 0))).toEqual(found.map((_, i) => i + 1))
  expect(table.pathTo(3)).toEqual([0, 1, 2])
})

test("a table repeats no cell of the line above", () => {
  const rows = [
    ["0 ms", "A calls", "free"],
    ["0 ms", "B calls", "free"],
  ]
  expect(tableOf(["time", "what happens", "the lock"], rows).split("\n")).toEqual([
    "time  what happens  the lock",
    "----  ------------  --------",
    "0 ms  A calls       free",
    "0 ms  B calls",
  ])
})
