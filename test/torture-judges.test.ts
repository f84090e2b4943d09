// The judges of the torture, on histories that were made up: what each of them says of what it sees.
import { describe, expect, test } from "vitest"
import { Court } from "../torture/judges/court.js"
import { isConclusive, reportOf } from "../torture/report.js"

const START = 1_000_000
const CRASHES = { kills: 0, pauses: 0, restarts: 0 }

function open() {
  const court = new Court()
  court.begin(START)
  let visits = 0
  const wait = (name: string, from: number, until: number) => {
    const visit = visits++
    const terms = { waitMs: 10_000, ttlMs: 2_000 }
    court.note(1, { kind: "waits", visit, name, ...terms, at: START + from })
    court.note(1, { kind: "gave-up", visit, why: "timeout", at: START + until })
  }
  const hold = (name: string, from: number, until: number) => {
    const visit = visits++
    const terms = { waitMs: 10_000, ttlMs: 2_000 }
    const ends = { until: START + until, leftMs: until - from }
    court.note(2, { kind: "waits", visit, name, ...terms, at: START + from })
    const granted = { name, mode: "exclusive" as const, fence: undefined, ...ends }
    court.note(2, { kind: "granted", visit, ...granted, at: START + from })
    court.note(2, { kind: "ended", visit, at: START + until })
    court.note(2, { kind: "released", visit, result: "released", at: START + until })
  }
  const judged = (at: number) => {
    court.chronicle.end()
    court.advance(START + at)
    return court.violations.map(({ judge }) => judge)
  }
  return { court, wait, hold, judged }
}

describe("overlaps", () => {
  test("two holds at once are one; one after the other they are none", () => {
    const one = open()
    one.hold("ledger-0", 0, 100)
    one.hold("ledger-0", 100, 200)
    expect(one.judged(10_000)).toEqual([])
    one.hold("ledger-0", 199, 300)
    expect(one.judged(10_000)).toEqual(["overlap"])
    expect(one.court.overlaps.judged).toBe(3)
  })

  test("of a semaphore, more than it has permits for", () => {
    const { hold, judged } = open()
    for (const from of [0, 10, 20]) hold("gate-0", from, 100)
    expect(judged(10_000)).toEqual([])
    hold("gate-0", 30, 100)
    expect(judged(10_000)).toEqual(["overlap"])
  })
})

describe("lock-outs", () => {
  test("a name that nobody gets any more is one, however many come and give up, and it is said once", () => {
    const { wait, hold, judged } = open()
    hold("ledger-0", 0, 10)
    for (let at = 100; at < 120_000; at += 625) wait("ledger-0", at, at + 600)
    expect(judged(130_000)).toEqual(["lock-out"])
  })

  test("also if it was so before all had come", () => {
    const { wait, judged } = open()
    wait("ledger-0", -1_000, 5_000)
    for (let at = 100; at < 120_000; at += 500) wait("ledger-0", at, at + 600)
    expect(judged(130_000)).toEqual(["lock-out"])
  })

  test("what was over before the beginning is not taken off what came after it", () => {
    const { court, wait, judged } = open()
    wait("ledger-0", -50_000, -1_000)
    wait("ledger-0", 0, 800)
    judged(10_000)
    expect(court.lockOuts.longest?.ms).toBe(800)
  })

  test("what is within its bound is none, and is told as the longest", () => {
    const { court, wait, hold, judged } = open()
    hold("ledger-0", 0, 10)
    wait("ledger-0", 5, 800)
    hold("ledger-0", 800, 900)
    expect(judged(10_000)).toEqual([])
    expect(court.lockOuts.longest?.ms).toBe(790)
  })

  test("nor is what nobody wanted", () => {
    const { hold, judged } = open()
    hold("ledger-0", 0, 10)
    hold("ledger-0", 60_000, 60_010)
    expect(judged(70_000)).toEqual([])
  })
})

test("a run without grants, or one that was broken off, proves nothing", () => {
  const { court, hold } = open()
  const facts = { seed: 1, seconds: 2, crashes: CRASHES }
  expect(isConclusive(reportOf(court, { ...facts, keysLeft: [] }))).toBe(false)
  hold("ledger-0", 0, 10)
  hold("ledger-0", 10, 20)
  expect(isConclusive(reportOf(court, { ...facts, keysLeft: [] }))).toBe(true)
  expect(isConclusive(reportOf(court, { ...facts, keysLeft: undefined }))).toBe(false)
})
