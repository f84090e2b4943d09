// The faults of a run that takes only some of them are of each sort.
import { describe, expect, test } from "vitest"
import { FAULTS, faultsOf, half, PATTERNS, someFaults } from "./matrix.js"

const parts = {
  half: [0, 1].map((step) => half(FAULTS, step)),
  "faults of a pattern": PATTERNS.map((pattern) => faultsOf(pattern, 0)),
  "some faults": [0, 1, 2, 3].map(someFaults),
}

describe.each(Object.entries(parts))("%s", (_, steps) => {
  test("take each fault at one of the steps", () => {
    expect(new Set(steps.flat())).toEqual(new Set(FAULTS))
  })

  test("are executed, not executed, and late, at each step", () => {
    const sorts = steps.map((faults) => ({
      isExecuted: faults.some(({ what }) => what.includes("after the execution")),
      isNotExecuted: faults.some(({ what }) => what.includes("without the execution")),
      isLate: faults.some(({ what }) => / late |again later/.test(what)),
    }))
    expect(sorts).toEqual(
      steps.map(() => ({ isExecuted: true, isNotExecuted: true, isLate: true })),
    )
  })
})
