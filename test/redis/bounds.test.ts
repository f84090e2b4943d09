// The deadline of a request: kept also if the request cannot be canceled.
import { describe, expect, test, vi } from "vitest"
import { readBoundedText, withDeadline } from "../../src/redis/bounds.js"
import { RedisError } from "../../src/redis/redis-error.js"
import { rejection } from "../support/outcomes.js"
import { freeze, useVirtualTime } from "../support/virtual-time.js"

useVirtualTime()

const after = <T>(ms: number, value: T) =>
  new Promise<T>((resolve) => {
    setTimeout(resolve, ms, value)
  })

test("a reply in time is passed on, and no timer stays", async () => {
  const working = withDeadline(100, () => after(50, "done"))
  await vi.advanceTimersByTimeAsync(50)
  expect(await working).toBe("done")
  expect(vi.getTimerCount()).toBe(0)
})

test("a failure in time is passed on, and no timer stays", async () => {
  const failure = new Error("no")
  const working = withDeadline(100, () => Promise.reject(failure))
  expect(await rejection(working)).toBe(failure)
  expect(vi.getTimerCount()).toBe(0)
})

test("when the time is up the request is aborted, and the outcome is ambiguous", async () => {
  let signal: AbortSignal | undefined
  const working = rejection(
    withDeadline(100, (given) => {
      signal = given
      return after(500, "late")
    }),
  )
  await vi.advanceTimersByTimeAsync(99)
  expect(signal?.aborted).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  expect(signal?.aborted).toBe(true)
  const error = await working
  expect(error).toBeInstanceOf(RedisError)
  expect(error).toMatchObject({ outcome: "unknown", message: "no reply within 100 ms" })
})

test("a request that fails because of the abort counts as a timeout, in whole milliseconds", async () => {
  const working = rejection(
    withDeadline(
      99.6,
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            reject(new Error("aborted"))
          })
        }),
    ),
  )
  await vi.advanceTimersByTimeAsync(100)
  expect(await working).toMatchObject({ message: "no reply within 100 ms" })
})

test("a reply that waits to be read after a freeze is read", async () => {
  const working = withDeadline(100, () => after(150, "done"))
  await vi.advanceTimersByTimeAsync(50)
  freeze(60_000)
  await vi.advanceTimersByTimeAsync(100)
  expect(await working).toBe("done")
})

test("a reply that is missing after a freeze is waited for only a moment longer", async () => {
  const working = rejection(withDeadline(100, () => after(5_000, "late")))
  freeze(60_000)
  await vi.advanceTimersByTimeAsync(350)
  expect(await working).toMatchObject({ outcome: "unknown" })
  await vi.advanceTimersByTimeAsync(5_000)
})

test("a wall clock that is set does not move the deadline", async () => {
  for (const jump of [7_200_000, -7_200_000]) {
    const working = rejection(withDeadline(100, () => after(120, "late")))
    vi.setSystemTime(Date.now() + jump)
    await vi.advanceTimersByTimeAsync(100)
    expect(await working).toMatchObject({ message: "no reply within 100 ms" })
    await vi.advanceTimersByTimeAsync(20)
  }
})

test("a late reply is available to code that waits for it", async () => {
  const working = rejection(withDeadline(100, () => after(500, "late")))
  await vi.advanceTimersByTimeAsync(500)
  expect(await ((await working) as RedisError).unsettled).toBe("late")
})

test("a late failure is not an unhandled rejection", async () => {
  const unhandled = vi.fn()
  process.on("unhandledRejection", unhandled)
  const working = rejection(
    withDeadline(100, async () => {
      await after(500, undefined)
      throw new Error("late")
    }),
  )
  await vi.advanceTimersByTimeAsync(500)
  await working
  vi.useRealTimers()
  await new Promise((resolve) => setTimeout(resolve, 10))
  process.off("unhandledRejection", unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

describe("a body", () => {
  const { signal } = new AbortController()
  const bytes = new TextEncoder().encode("für")
  const inPieces = (...pieces: Uint8Array[]) =>
    new Response(
      new ReadableStream<Uint8Array>({
        start: (controller) => {
          for (const piece of pieces) controller.enqueue(piece)
          controller.close()
        },
      }),
    )

  test("is read to its end, wherever it is split", async () => {
    const response = inPieces(bytes.slice(0, 2), bytes.slice(2))
    expect(await readBoundedText(response, bytes.length, signal)).toBe("für")
  })

  test("that is too long leaves the outcome unknown", async () => {
    const reading = readBoundedText(inPieces(bytes, bytes), 2 * bytes.length - 1, signal)
    expect(await rejection(reading)).toMatchObject({
      outcome: "unknown",
      status: 200,
      message: "HTTP 200: the reply exceeds 7 bytes",
    })
  })

  test("may be missing, or that of another implementation, without a reader", async () => {
    expect(await readBoundedText(new Response(null), 10, signal)).toBe("")
    const other = { body: { pipe: () => undefined }, text: () => Promise.resolve("text") }
    expect(await readBoundedText(other as unknown as Response, 10, signal)).toBe("text")
  })

  test("ends with an abort, before it or meanwhile", async () => {
    for (const isBefore of [true, false]) {
      const controller = new AbortController()
      let isCanceled = false
      const stream = new ReadableStream<Uint8Array>({
        cancel: () => {
          isCanceled = true
        },
      })
      if (isBefore) controller.abort()
      const reading = readBoundedText(new Response(stream), 10, controller.signal)
      if (!isBefore) controller.abort()
      await reading
      expect(isCanceled).toBe(true)
    }
  })
})
