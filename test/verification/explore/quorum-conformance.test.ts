// The model of a quorum's callers does what the library does: random schedules are played with both.
import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import * as scripts from "../../../src/redis/lua/scripts.js"
import { Keyspaces } from "../../../verification/explore/keyspaces.js"
import type { QuorumHappening } from "../../../verification/explore/quorum/happening.js"
import { quorumCallersWith, type QuorumTerms } from "../../../verification/explore/quorum/state.js"
import { QuorumWorld } from "../../../verification/explore/quorum/world.js"
import { QuorumConformance } from "./quorum-conformance.js"

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] })
  vi.spyOn(Math, "random").mockReturnValue(0.5)
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const RUNS = Number(process.env["RUNS"] ?? 12)
const QUARANTINE_MS = 10_000

const CASTS: readonly [what: string, faults: number, terms: readonly Partial<QuorumTerms>[]][] = [
  ["two callers that do not wait", 3, [{}, {}]],
  ["two callers that wait", 4, [{ waitMs: 12_000 }, { waitMs: 12_000 }]],
  ["a caller that renews, and one that waits", 4, [{ renews: true }, { waitMs: 12_000 }]],
  ["two callers with fencing tokens", 4, [{ fencing: true }, { fencing: true, waitMs: 3_000 }]],
  ["three callers", 3, [{}, { renews: true, fencing: true }, { waitMs: 5_000 }]],
]

describe("the quorum does what the model of the exploration does", () => {
  for (const [what, faults, terms] of CASTS) {
    test(what, async () => {
      const keyspaces = await Keyspaces.create()
      const settings = {
        terms: quorumCallersWith(terms),
        skewsMs: [0, 0, 0],
        quarantineMs: QUARANTINE_MS,
        endsWithinMs: Infinity,
        idleWithinMs: Infinity,
      }
      const property = fc.asyncProperty(
        fc.array(fc.nat({ max: 1_000 }), { minLength: 150, maxLength: 150 }),
        async (choices) => {
          const bounds = { depth: Infinity, faults, states: 1 }
          const world = new QuorumWorld(keyspaces, scripts, {}, settings, bounds)
          const conformance = await QuorumConformance.create(
            keyspaces,
            settings.terms,
            QUARANTINE_MS,
          )
          let state = world.initial
          const played: string[] = []
          for (const choice of choices) {
            const happening = chosen(world.happenings(state), choice)
            if (!happening) break
            played.push(happening.name)
            const before = structuredClone(state)
            state = world.after(state, happening)
            try {
              await conformance.play(before, happening, state)
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

/** Faults are rarer than in the list, or a schedule would consist of them. The clocks of both are the same. */
function chosen(list: readonly QuorumHappening[], choice: number): QuorumHappening | undefined {
  const all = list.filter(({ kind }) => kind !== "drift")
  const usual = all.filter(({ isFault, kind }) => !isFault && kind !== "forget")
  const those = choice % 5 === 0 || usual.length === 0 ? all : usual
  return those[Math.floor(choice / 5) % those.length]
}
