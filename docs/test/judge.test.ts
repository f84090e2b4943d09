// The judge of the playground: it sees an overlap where there is one, and none where there is none.
import { expect, test } from "vitest"
import { type Belief, Judge } from "../playground/judge.js"

/** A judge with a clock that is moved by hand. */
function setUp() {
  let now = 0
  const judge = new Judge(() => now)
  const hold = (ms: number, isExclusive = true, fencingToken?: number): Belief => {
    const until = now + ms
    return { isExclusive, remainingMs: () => Math.max(0, until - now), fencingToken }
  }
  const pass = (ms: number) => {
    for (const end = now + ms; now < end; now++) judge.sample()
    judge.sample()
  }
  return { judge, hold, pass }
}

test("holds one after the other do not conflict, also after a crash", () => {
  const { judge, hold, pass } = setUp()
  const release = judge.begin(hold(100))
  pass(10)
  release()
  judge.begin(hold(50))
  pass(50)
  judge.begin(hold(50))
  pass(10)
  expect(judge.verdict).toEqual({ most: 1, conflictMs: 0, afterStealMs: 0 })
})

test("two exclusive holds at once are a conflict for as long as both can be trusted", () => {
  const { judge, hold, pass } = setUp()
  judge.begin(hold(100))
  pass(60)
  judge.begin(hold(100))
  pass(200)
  expect(judge.verdict).toEqual({ most: 2, conflictMs: 40, afterStealMs: 0 })
})

test("an overlap within one moment is a conflict", () => {
  const { judge, hold } = setUp()
  const release = judge.begin(hold(100))
  judge.begin(hold(100))()
  release()
  expect(judge.verdict).toMatchObject({ most: 2 })
})

test("shared holds do not exclude each other, but an exclusive one excludes them", () => {
  const { judge, hold, pass } = setUp()
  judge.begin(hold(100, false))
  judge.begin(hold(100, false))
  pass(10)
  expect(judge.verdict.most).toBe(1)
  judge.begin(hold(100))
  pass(5)
  expect(judge.verdict).toEqual({ most: 2, conflictMs: 5, afterStealMs: 0 })
})

test("a previous holder that believes on after a steal is counted apart", () => {
  const { judge, hold, pass } = setUp()
  judge.begin(hold(30))
  judge.begin(hold(100), true)
  pass(100)
  expect(judge.verdict).toEqual({ most: 1, conflictMs: 0, afterStealMs: 30 })
})

test("a grant that arrives after the steal that ended it is not a conflict, and a later grant is one", () => {
  const { judge, hold, pass } = setUp()
  judge.begin(hold(100, true, 2), true)
  judge.begin(hold(30, true, 1))
  pass(50)
  expect(judge.verdict).toEqual({ most: 1, conflictMs: 0, afterStealMs: 30 })
  judge.begin(hold(20, true, 3))
  pass(100)
  expect(judge.verdict).toEqual({ most: 2, conflictMs: 20, afterStealMs: 30 })
})

test("of two steals, the one with the smaller fencing token has lost the lock, whichever arrives first", () => {
  const { judge, hold, pass } = setUp()
  const release = judge.begin(hold(100, true, 2), true)
  judge.begin(hold(100, true, 1), true)
  pass(10)
  release()
  judge.begin(hold(20, true, 3))
  pass(20)
  expect(judge.verdict).toEqual({ most: 1, conflictMs: 0, afterStealMs: 30 })
})
