// The model of the exploration does what the library does: random schedules are played with both.
import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import * as scripts from "../../../src/redis/lua/scripts.js"
import { Keyspaces } from "../../../verification/explore/keyspaces.js"
import type { LockHappening } from "../../../verification/explore/lock/happening.js"
import { LockWorld } from "../../../verification/explore/lock/world.js"
import { Conformance } from "./conformance.js"
import { CASTS } from "./casts.js"

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] })
  vi.spyOn(Math, "random").mockReturnValue(0.5)
  // Each caller has a stream of its own, as on Workers.
  vi.stubGlobal("WebSocketPair", () => undefined)
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const RUNS = Number(process.env["RUNS"] ?? 12)

describe("the library does what the model of the exploration does", () => {
  for (const { what, settings, faults } of CASTS) {
    test(what, async () => {
      const keyspaces = await Keyspaces.create()
      const bounds = { depth: 1_000, faults, states: 1 }
      const property = fc.asyncProperty(
        fc.array(fc.nat({ max: 1_000 }), { minLength: 120, maxLength: 120 }),
        async (choices) => {
          const world = new LockWorld(keyspaces, scripts, settings, bounds)
          const conformance = await Conformance.create(keyspaces, settings.terms)
          let state = world.initial
          const played: string[] = []
          for (const choice of choices) {
            const happenings = world.happenings(state)
            const happening = chosen(happenings, choice)
            if (!happening) break
            played.push(happening.name)
            const before = world.decode(world.encode(state))
            state = world.decode(world.encode(world.after(state, happening)))
            try {
              await conformance.play(before, happening)
              conformance.compare(state)
            } catch (error) {
              throw new Error(`after\n  ${played.join("\n  ")}`, { cause: error })
            }
          }
          expect(played.length).toBeGreaterThan(0)
        },
      )
      await fc.assert(property, { numRuns: RUNS, seed: 21, endOnFailure: true })
    })
  }
})

/** Faults are rarer than in the list, or a schedule would consist of them. */
function chosen(happenings: readonly LockHappening[], choice: number): LockHappening | undefined {
  const usual = happenings.filter(({ isFault }) => !isFault)
  const list = choice % 5 === 0 || usual.length === 0 ? happenings : usual
  return list[Math.floor(choice / 5) % list.length]
}
