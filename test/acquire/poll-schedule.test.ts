// When a waiter checks: at the moment at which the lock could be free, staggered, and often enough to count as alive.
import { afterEach, expect, test, vi } from "vitest"
import {
  listeningPauseMs,
  pollScheduleFor,
  pollingPauseMs,
} from "../../src/acquire/poll-schedule.js"
import type { Queued } from "../../src/redis/store.js"
import { now } from "../../src/time/validity.js"

const queued = (facts: Partial<Queued> = {}): Queued => ({
  kind: "queued",
  holderTtlMs: 30_000,
  isForeign: false,
  place: 0,
  ticket: "1",
  serverTime: { sentAt: now(), micros: 1 },
  ...facts,
})
/** After this time a waiter counts as dead. */
const LIFE_MS = 30_000
const TTLS = [50, 1_000, 2_000, 30_000, 3_600_000]

afterEach(() => {
  vi.restoreAllMocks()
})

/** Sets the jitter to one of its ends. */
const jitter = (random: 0 | 1) => vi.spyOn(Math, "random").mockReturnValue(random)

test("a waiter that might not notice the end of its stream checks at least three times in a ttl, others need not", () => {
  const longest = (how: "stream" | "subscriber" | "poll", ttlMs: number) =>
    pollScheduleFor(how, ttlMs).longestPauseMs
  for (const ttlMs of [3_000, 300_000]) expect(longest("stream", ttlMs)).toBe(20_000)
  expect([longest("subscriber", 3_000), longest("subscriber", 300_000)]).toEqual([1_000, 5_000])
  expect([longest("poll", 3_000), longest("poll", 300_000)]).toEqual([1_000, 2_000])
})

test("a sign of life is due after ten seconds, plus or minus one, and 100 ms later for each place", () => {
  const pace = pollScheduleFor("stream", 30_000)
  const pause = (place: number) =>
    Math.round(listeningPauseMs(queued({ holderTtlMs: Infinity, place }), pace, 0))
  jitter(0)
  expect([pause(0), pause(10)]).toEqual([9_000, 9_900])
  jitter(1)
  expect([pause(0), pause(10)]).toEqual([11_000, 12_100])
})

test("behind a foreign holder each waiter checks a second later than the one before it", () => {
  const pace = pollScheduleFor("stream", 30_000)
  const pause = (place: number) =>
    listeningPauseMs(queued({ isForeign: true, holderTtlMs: Infinity, place }), pace, 50)
  jitter(0)
  expect([pause(0), pause(1), pause(3)]).toEqual([1_001, 2_001, 4_001])
  jitter(1)
  expect([pause(0), pause(1)]).toEqual([2_001, 3_001])
})

test("a waiter that checks again at the same place leaves twice the time to those before it, up to a lease", () => {
  const pace = pollScheduleFor("stream", 30_000)
  const facts = queued({ holderTtlMs: 4_000, place: 1 })
  const pauses = [0, 1, 2, 3, 10, 2_000].map((n) => listeningPauseMs(facts, pace, n) - 4_001)
  expect(pauses).toEqual([50, 100, 200, 400, 3_000, 3_000])
})

test("a poller in a queue that does not move checks less often the further back it is, and the longer the queue stands still", () => {
  const pace = pollScheduleFor("poll", 30_000)
  const pause = (place: number, n: number, holderTtlMs = 30_000) =>
    Math.floor(pollingPauseMs(queued({ place, holderTtlMs }), pace, n, undefined))
  jitter(1)
  expect([pause(0, 0), pause(1, 0), pause(3, 0), pause(0, 1)]).toEqual([35, 70, 140, 52])
  jitter(0)
  expect([pause(1, 0), pause(3, 0), pause(0, 2)]).toEqual([35, 70, 39])
  // At least about a round trip.
  expect(pause(0, 0)).toBe(25)
  // When the hold ends, each 50 ms after the one before it.
  expect([pause(0, 6, 100), pause(3, 6, 100)]).toEqual([101, 251])
  // However long it stands still.
  expect(pause(0, 2_000)).toBe(pace.longestPollMs)
})

test("a lease is long enough for two checks, and no longer than the ttl", () => {
  for (const ttlMs of TTLS) {
    for (const how of ["stream", "subscriber", "poll"] as const) {
      const { leaseMs, longestPollMs } = pollScheduleFor(how, ttlMs)
      expect(leaseMs).toBeLessThanOrEqual(ttlMs)
      expect(longestPollMs * 2).toBeLessThan(leaseMs)
    }
  }
  expect(pollScheduleFor("stream", 30_000).leaseMs).toBe(3_000)
  expect(pollScheduleFor("poll", 30_000).leaseMs).toBe(5_000)
  expect(pollScheduleFor("subscriber", 30_000).leaseMs).toBe(11_000)
})

test("the head checks when the hold ends; those behind it 50 ms later for each place, or 500 ms if it may be a lease", () => {
  const pace = pollScheduleFor("stream", 30_000)
  for (const place of [0, 1, 7]) {
    const pauseMs = (holderTtlMs: number) =>
      listeningPauseMs(queued({ holderTtlMs, place }), pace, 0)
    expect(pauseMs(5_000)).toBe(5_001 + 50 * place)
    expect(pauseMs(3_000)).toBe(3_001 + 500 * place)
  }
})

test("if the queue moves, waiters that came during a lease do not check before their turn", () => {
  const pace = pollScheduleFor("stream", 30_000)
  const [holdMs, roundTripMs] = [250, 100]
  for (const place of [1, 5, 20]) {
    const turn = place * (holdMs + roundTripMs)
    expect(listeningPauseMs(queued({ holderTtlMs: 3_000, place }), pace, 0)).toBeGreaterThan(turn)
  }
})

test("no waiter stays silent so long that it would count as dead", () => {
  for (const how of ["stream", "subscriber", "poll"] as const) {
    for (const place of [0, 10, 1_000]) {
      for (const holderTtlMs of [10, 30_000, Infinity]) {
        for (const isForeign of [true, false]) {
          const facts = queued({ place, holderTtlMs, isForeign })
          const pace = pollScheduleFor(how, 30_000)
          const longest = LIFE_MS - 9_000
          expect(listeningPauseMs(facts, pace, 9)).toBeLessThan(longest)
          expect(pollingPauseMs(facts, pace, 9, undefined)).toBeLessThan(longest)
        }
      }
    }
  }
})

test("a poller checks before its turn at the rate of the queue, with a step that grows while the queue stands still", () => {
  const pace = pollScheduleFor("poll", 30_000)
  const pause = (place: number, n: number) =>
    Math.round(pollingPauseMs(queued({ place }), pace, n, 200))
  jitter(1)
  expect([pause(0, 0), pause(1, 0), pause(5, 0)]).toEqual([50, 170, 650])
  expect(pause(0, 1)).toBe(70)
  jitter(0)
  expect([pause(0, 0), pause(1, 0), pause(5, 0)]).toEqual([35, 119, 455])
  // A holder that takes longer than those before it is not polled again and again.
  expect([pause(40, 0), pause(0, 20)]).toEqual([pace.longestPollMs, pace.longestPollMs])
})

test("a poller in a fast queue checks no more often than a round trip takes", () => {
  const pace = pollScheduleFor("poll", 30_000)
  for (const msPerPlace of [0, 10]) {
    expect(pollingPauseMs(queued(), pace, 0, msPerPlace)).toBe(25)
    // When it stands still it is checked less and less often, like any other.
    for (const n of [40, 3_000]) {
      expect(pollingPauseMs(queued(), pace, n, msPerPlace)).toBe(pace.longestPollMs)
    }
  }
})

test("behind a foreign holder the head checks every 50 to 100 ms at first, every one to two seconds in the end, or when its ttl ends", () => {
  const stranger = queued({ isForeign: true, holderTtlMs: Infinity })
  for (const how of ["stream", "poll"] as const) {
    const pace = pollScheduleFor(how, 30_000)
    const pause = (n: number) =>
      how === "stream"
        ? listeningPauseMs(stranger, pace, n)
        : pollingPauseMs(stranger, pace, n, undefined)
    const rounded = (...ns: readonly number[]) => ns.map((n) => Math.round(pause(n) / 50) * 50)
    jitter(1)
    expect(rounded(0, 10, 20, 40, 3_000)).toEqual([100, 250, 650, 2_000, 2_000])
    jitter(0)
    expect(rounded(0, 10, 20, 40, 3_000)).toEqual([50, 150, 350, 1_000, 1_000])
  }
  const pace = pollScheduleFor("stream", 30_000)
  expect(listeningPauseMs(queued({ isForeign: true, holderTtlMs: 40 }), pace, 0)).toBe(41)
})

test("behind a foreign holder the head checks some thirty times in fifteen seconds, at any earlier speed of the queue", () => {
  const stranger = queued({ isForeign: true, holderTtlMs: Infinity })
  const listening = pollScheduleFor("stream", 30_000)
  const polling = pollScheduleFor("poll", 30_000)
  for (const pause of [
    (n: number) => listeningPauseMs(stranger, listening, n),
    (n: number) => pollingPauseMs(stranger, polling, n, undefined),
    (n: number) => pollingPauseMs(stranger, polling, n, 10),
    (n: number) => pollingPauseMs(stranger, polling, n, 60_000),
  ]) {
    let questions = 0
    for (let ms = 0; ms < 15_000; questions++) ms += pause(questions)
    expect(questions).toBeGreaterThan(22)
    expect(questions).toBeLessThan(45)
  }
})

test("a lock that is free after the shortest pause is checked right then, however often it was seen there", () => {
  const pace = pollScheduleFor("stream", 30_000)
  jitter(1)
  const pause = (holderTtlMs: number) => listeningPauseMs(queued({ holderTtlMs }), pace, 20)
  expect([pause(24), pause(25)]).toEqual([250, 26])
})

test("behind a foreign holder the head checks often, and the others at the rate of their queue", () => {
  const pace = pollScheduleFor("poll", 30_000)
  jitter(1)
  const pause = (place: number) =>
    pollingPauseMs(queued({ isForeign: true, holderTtlMs: Infinity, place }), pace, 0, 1_500)
  expect(pause(0)).toBe(100)
  expect(pause(1)).toBeGreaterThan(1_000)
})
