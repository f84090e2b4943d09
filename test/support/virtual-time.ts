// A clock that a test moves, and a jitter that does not vary.
import { afterEach, beforeEach, vi } from "vitest"

/** Both clocks move on while nothing runs, so that every timer fires late: SIGSTOP, or a frozen Lambda. */
export function freeze(ms: number): void {
  const now = performance.now.bind(performance)
  vi.setSystemTime(Date.now() + ms)
  vi.spyOn(performance, "now").mockImplementation(() => now() + ms)
}

/** In each test of the file, or of the describe block, that calls it. */
export function useVirtualTime(): void {
  beforeEach(() => {
    vi.useFakeTimers()
    // The longest pause that the jitter allows.
    vi.spyOn(Math, "random").mockReturnValue(1)
  })
  afterEach(() => {
    // In this order: a spy on the fake clock would restore that.
    vi.restoreAllMocks()
    vi.useRealTimers()
  })
}
