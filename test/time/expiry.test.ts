// The moment at which a hold expires: noticed in time, once, and not before.
import { Expiry, now, Validity } from "../../src/time/validity.js"
import { useVirtualTime } from "../support/virtual-time.js"
import { expect, test, vi } from "vitest"

useVirtualTime()

const lasting = (ms: number) => new Validity(now(), ms)

function expiring(ms: number) {
  const onOver = vi.fn()
  return { expiry: new Expiry(lasting(ms), onOver), onOver }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

test("the expiry is reported once, at the moment at which no time remains", async () => {
  const endsAt = Date.now() + 1_000
  const { expiry, onOver } = expiring(1_000)
  expect(expiry.endsAtMs).toBe(endsAt)
  await pass(999)
  expect(expiry.remainingMs).toBe(1)
  expect(onOver).not.toHaveBeenCalled()
  await pass(1)
  expect(expiry.remainingMs).toBe(0)
  await pass(10_000)
  expect(onOver).toHaveBeenCalledOnce()
})

test("a hold that is prolonged expires later, and one timer waits for it", async () => {
  const { expiry, onOver } = expiring(1_000)
  await pass(500)
  expiry.prolong(lasting(1_000))
  expect(vi.getTimerCount()).toBe(1)
  await pass(999)
  expect(onOver).not.toHaveBeenCalled()
  await pass(1)
  expect(onOver).toHaveBeenCalledOnce()
})

test("an earlier end shortens nothing", async () => {
  const { expiry, onOver } = expiring(1_000)
  expiry.prolong(lasting(400))
  expect(expiry.remainingMs).toBe(1_000)
  await pass(999)
  expect(onOver).not.toHaveBeenCalled()
})

test("a timer that fires too early does not end the hold", async () => {
  const { onOver } = expiring(1_000)
  // The clocks are behind the timers.
  vi.setSystemTime(Date.now() - 1)
  const real = performance.now.bind(performance)
  vi.spyOn(performance, "now").mockImplementation(() => real() - 1)
  await pass(1_000)
  expect(onOver).not.toHaveBeenCalled()
  await pass(1)
  expect(onOver).toHaveBeenCalledOnce()
})

test("a stopped expiry reports nothing and leaves no timer, also when it is prolonged", async () => {
  const { expiry, onOver } = expiring(1_000)
  expiry.stop()
  expect(vi.getTimerCount()).toBe(0)
  expiry.prolong(lasting(2_000))
  expect(expiry.remainingMs).toBe(2_000)
  expect(vi.getTimerCount()).toBe(0)
  await pass(10_000)
  expect(onOver).not.toHaveBeenCalled()
})
