// A timer that keeps no process alive, on runtimes whose timers are objects and on those where they are numbers.
import { expect, test, vi } from "vitest"
import { backgroundTimer } from "../../src/time/validity.js"
import { useVirtualTime } from "../support/virtual-time.js"

useVirtualTime()

test("a background timer calls back once, after the given time", async () => {
  const callback = vi.fn()
  backgroundTimer(callback, 1_000)
  await vi.advanceTimersByTimeAsync(999)
  expect(callback).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(callback).toHaveBeenCalledOnce()
})

test("a time beyond the longest timer calls back after the longest, and not at once", async () => {
  const callback = vi.fn()
  backgroundTimer(callback, 2 ** 40)
  await vi.advanceTimersByTimeAsync(2 ** 31 - 2)
  expect(callback).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(callback).toHaveBeenCalledOnce()
})

test("a timer that would keep the process alive is unreferenced", () => {
  const unref = vi.fn()
  vi.spyOn(globalThis, "setTimeout").mockReturnValue({ unref } as never)
  backgroundTimer(() => undefined, 1_000)
  expect(unref).toHaveBeenCalledOnce()
})

test.each([7, {}])("a timer that is %j works like any other", (timer) => {
  vi.spyOn(globalThis, "setTimeout").mockReturnValue(timer as never)
  expect(backgroundTimer(() => undefined, 1_000)).toBe(timer)
})
