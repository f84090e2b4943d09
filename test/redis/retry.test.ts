// Retries while the outcome is ambiguous: how often, how long, and the error in the end.
import { LockBackendError } from "../../src/index.js"
import { RedisError } from "../../src/redis/redis-error.js"
import { callDatabase, type RetryOptions, retryUntilKnown } from "../../src/redis/retry.js"
import { rejection } from "../support/outcomes.js"
import { freeze, useVirtualTime } from "../support/virtual-time.js"
import { describe, expect, test, vi } from "vitest"

useVirtualTime()

const unknown = (status = 502) => new RedisError("it failed", { outcome: "unknown", status })
const refused = new RedisError("no", { outcome: "refused", status: 400 })

/** Replies with the given values in turn, throwing errors; the last one repeats. `asked` has the times. */
function asking(answers: readonly unknown[], options?: RetryOptions) {
  const startedAt = Date.now()
  const asked: number[] = []
  const lefts: number[] = []
  const ask = (leftMs: number) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)]
    asked.push(Date.now() - startedAt)
    lefts.push(leftMs)
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }
  const answered = retryUntilKnown(ask, options)
  answered.catch(() => undefined)
  return { answered, asked, lefts }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe("a request", () => {
  test("with an ambiguous outcome is retried, after a pause that doubles", async () => {
    const { answered, asked } = asking([unknown(), unknown(), "yes"])
    await pass(1_000)
    expect(await answered).toBe("yes")
    expect(asked).toEqual([0, 100, 300])
  })

  test("is tried three times, or as often as the option says, and then fails with its last error", async () => {
    const failures = [unknown(500), unknown(502), unknown(503), unknown(504), unknown(505)]
    const three = asking(failures)
    const five = asking(failures, { tries: 5 })
    await pass(10_000)
    expect(await rejection(three.answered)).toBe(failures[2])
    expect(three.asked).toHaveLength(3)
    expect(await rejection(five.answered)).toBe(failures[4])
    expect(five.asked).toHaveLength(5)
  })

  test("that fails for the last time fails at once, and not after another pause", async () => {
    const { answered } = asking([unknown()], { tries: 1 })
    expect(await rejection(answered)).toBeInstanceOf(RedisError)
    expect(vi.getTimerCount()).toBe(0)
  })

  test("that is refused, or fails by a programming error, is not retried", async () => {
    const mistake = new TypeError("ours")
    const onUnknown = vi.fn()
    for (const failure of [refused, mistake]) {
      const { answered, asked } = asking([failure], { onUnknown })
      await pass(1_000)
      expect(await rejection(answered)).toBe(failure)
      expect(asked).toEqual([0])
    }
    expect(onUnknown).not.toHaveBeenCalled()
  })

  test("gets the remaining time, never less than is useful, and is not sent when no time remains", async () => {
    const { answered, asked, lefts } = asking([unknown()], { tries: Infinity, withinMs: 300 })
    await pass(1_000)
    expect(await rejection(answered)).toBeInstanceOf(RedisError)
    // The pause of 200 ms after the second would use up the remaining time.
    expect(asked).toEqual([0, 100])
    expect(lefts).toEqual([300, 250])
  })

  test("with a temporary refusal is retried, and is not an ambiguous outcome", async () => {
    const onUnknown = vi.fn()
    const onFailure = vi.fn()
    const busy = new RedisError("no", { outcome: "refused", status: 400, refusal: "transient" })
    const { answered, asked } = asking([busy, "yes"], { onUnknown, onFailure })
    await pass(1_000)
    expect(await answered).toBe("yes")
    expect(asked).toEqual([0, 100])
    expect(onUnknown).not.toHaveBeenCalled()
    expect(onFailure).toHaveBeenCalledExactlyOnceWith(busy)
  })

  test("keeps its deadline when the wall clock is set forward or back two hours", async () => {
    for (const jump of [7_200_000, -7_200_000]) {
      const { answered, asked, lefts } = asking([unknown(), "yes"], { withinMs: 5_000 })
      vi.setSystemTime(Date.now() + jump)
      await pass(100)
      expect(await answered).toBe("yes")
      expect(asked).toHaveLength(2)
      expect(lefts).toEqual([5_000, 4_900])
    }
  })

  test("that is retried after the process was frozen has a usable deadline", async () => {
    const { answered, lefts } = asking([unknown(), "yes"], { withinMs: 5_000 })
    await pass(50)
    freeze(60_000)
    await pass(100)
    expect(await answered).toBe("yes")
    expect(lefts).toEqual([5_000, 250])
  })

  test("has no deadline by default", async () => {
    const { answered, lefts } = asking(["yes"])
    expect(await answered).toBe("yes")
    expect(lefts).toEqual([Infinity])
  })

  test("whose reply has become useless is not retried", async () => {
    let isWorthwhile = true
    const { answered, asked } = asking([unknown()], {
      tries: Infinity,
      worthwhile: () => isWorthwhile,
    })
    await pass(150)
    isWorthwhile = false
    await pass(10_000)
    expect(await rejection(answered)).toBeInstanceOf(RedisError)
    expect(asked).toEqual([0, 100, 300])
  })

  test("reports each ambiguous outcome before the pause, including the last one", async () => {
    const failures = [unknown(500), unknown(502), unknown(503)]
    const onUnknown = vi.fn()
    const { answered } = asking(failures, { onUnknown })
    await pass(0)
    expect(onUnknown).toHaveBeenCalledExactlyOnceWith(failures[0])
    await pass(1_000)
    await rejection(answered)
    expect(onUnknown.mock.calls).toEqual(failures.map((failure) => [failure]))
  })
})

describe("a request to a database", () => {
  test("that fails names the lock, the operation and the reason", async () => {
    const failed = callDatabase("a", "release", () => Promise.reject(refused), {})
    const error = await rejection(failed)
    expect(error).toBeInstanceOf(LockBackendError)
    expect(error).toMatchObject({ lockName: "a", phase: "release", status: 400, cause: refused })
  })

  test("that fails by a programming error throws just that", async () => {
    const mistake = new TypeError("ours")
    const failed = callDatabase("a", "release", () => Promise.reject(mistake), {})
    expect(await rejection(failed)).toBe(mistake)
  })

  test("returns the reply, within the given bounds", async () => {
    const lefts: number[] = []
    const question = (leftMs: number) => {
      lefts.push(leftMs)
      return Promise.resolve("yes")
    }
    expect(await callDatabase("a", "inspect", question, { withinMs: 700 })).toBe("yes")
    expect(lefts).toEqual([700])
  })
})
