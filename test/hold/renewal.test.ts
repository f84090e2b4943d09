// When a hold is renewed, and when no longer: with a scripted hold and a clock that the test moves.
import { expect, test, vi } from "vitest"
import { Renewal, type RenewalOptions } from "../../src/hold/hold-monitor.js"
import { now, Validity } from "../../src/time/validity.js"
import { useVirtualTime } from "../support/virtual-time.js"

const TTL = 30_000
type Outcome = "renewed" | "lost" | "unknown"

useVirtualTime()

/** A hold of `leftMs`; the last outcome repeats. */
function renewing(
  outcomes: readonly Outcome[],
  leftMs = TTL,
  plan: Partial<RenewalOptions> = {},
  ttlMs = TTL,
) {
  let endsAt = Date.now() + leftMs
  const startedAt = Date.now()
  const asked: string[] = []
  const renew = (forMs: number) => {
    const outcome = outcomes[Math.min(asked.length, outcomes.length - 1)] ?? "unknown"
    asked.push(`${String(forMs)} at ${String(Date.now() - startedAt)}`)
    if (outcome === "renewed") endsAt = Math.max(endsAt, Date.now() + forMs)
    return Promise.resolve(outcome)
  }
  const until = new Validity(now(), Infinity)
  const hold = { remainingMs: () => Math.max(0, endsAt - Date.now()), renew }
  const renewal = new Renewal(hold, ttlMs, { isOnce: false, isDue: false, until, ...plan })
  const prolong = (forMs: number) => (endsAt = Date.now() + forMs)
  return { renewal, asked, prolong }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

test("a hold is renewed when a third of its ttl has passed, again and again", async () => {
  const { renewal, asked } = renewing(["renewed"])
  await pass(30_000)
  expect(asked).toEqual(["30000 at 10000", "30000 at 20000", "30000 at 30000"])
  renewal.stop()
  expect(vi.getTimerCount()).toBe(0)
})

test("a hold of which more than a third is over is renewed a moment after its call has returned", async () => {
  const { renewal, asked } = renewing(["renewed"], TTL / 2)
  expect(asked).toEqual([])
  await pass(0)
  expect(asked).toEqual(["30000 at 0"])
  renewal.stop()
})

test("a lease is extended to the ttl at once, and never again without renewal", async () => {
  const { asked } = renewing(["renewed"], 3_000, { isDue: true, isOnce: true })
  await pass(60_000)
  expect(asked).toEqual(["30000 at 0"])
  expect(vi.getTimerCount()).toBe(0)
})

test("a lease with renewal is renewed after its first extension", async () => {
  const { renewal, asked } = renewing(["renewed"], 3_000, { isDue: true })
  await pass(20_000)
  expect(asked).toEqual(["30000 at 0", "30000 at 10000", "30000 at 20000"])
  renewal.stop()
})

test("a lease of any length is extended at once, until one extension has succeeded", async () => {
  const outcomes = ["unknown", "unknown", "renewed"] as const
  const { renewal, asked } = renewing(outcomes, 25_000, { isDue: true, isOnce: true })
  expect(renewal.isFailing).toBe(false)
  await pass(50)
  expect(renewal.isFailing).toBe(true)
  await pass(10_000)
  expect(asked).toEqual(["30000 at 0", "30000 at 100", "30000 at 300"])
  expect(vi.getTimerCount()).toBe(0)
})

test("a failed renewal is retried after at most a tenth of the ttl, and a success resets its failures", async () => {
  const outcomes = [...Array<Outcome>(6).fill("unknown"), "renewed"] as const
  const { renewal, asked } = renewing(outcomes, 4_900, { isDue: true }, 6_000)
  await pass(5_000)
  const at = asked.map((text) => Number(text.split(" at ")[1]))
  expect(at).toEqual([0, 100, 300, 700, 1_300, 1_900, 2_500, 4_500])
  expect(renewal.isFailing).toBe(false)
  renewal.stop()
})

test("an extension by hand postpones the renewal, also of a lease", async () => {
  const { renewal, asked, prolong } = renewing(["renewed"], 3_000, { isDue: true })
  await pass(5_000)
  prolong(60_000)
  await pass(39_000)
  expect(asked).toEqual(["30000 at 0"])
  await pass(2_000)
  expect(asked).toEqual(["30000 at 0", "30000 at 45000"])
  renewal.stop()
})

test("a loss ends the renewal", async () => {
  const { renewal, asked } = renewing(["lost"])
  await pass(60_000)
  expect(asked).toHaveLength(1)
  expect(renewal.isFailing).toBe(false)
  expect(vi.getTimerCount()).toBe(0)
})

test("a hold at its longest allowed end is not extended any more", async () => {
  const until = new Validity(now(), 30_000)
  const { asked } = renewing(["renewed"], 30_000, { until })
  await pass(60_000)
  expect(asked).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})

test("the last extension of a bounded hold is for the remaining time, and no other follows", async () => {
  const until = new Validity(now(), 35_000.5)
  const { asked } = renewing(["renewed"], 30_000, { until })
  await pass(60_000)
  expect(asked).toEqual(["25000 at 10000"])
  const failing = renewing(["unknown", "renewed"], 30_000, {
    until: new Validity(now(), 35_000.5),
  })
  await pass(60_000)
  expect(failing.asked).toEqual(["25000 at 10000", "24900 at 10100"])
})

test("nothing is sent after a stop, although a reply was on its way", async () => {
  const { renewal, asked } = renewing(["unknown"], 3_000, { isDue: true })
  renewal.stop()
  await pass(60_000)
  expect(asked).toHaveLength(1)
  expect(vi.getTimerCount()).toBe(0)
})
