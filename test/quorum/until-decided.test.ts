// Replies that come one after the other: the call waits for the deciding ones, and handles the others.
import { expect, test, vi } from "vitest"
import { type Known, untilDecided } from "../../src/quorum/until-decided.js"
import { rejection } from "../support/outcomes.js"

/** Three replies that a test gives, of which two decide. */
function ask() {
  const settle: ((answer: string | Promise<never>) => void)[] = []
  const answers = [0, 1, 2].map((i) => new Promise<string>((resolve) => (settle[i] = resolve)))
  const decide = vi.fn((known: Known<string>) =>
    known.filter((answer) => answer !== undefined).length >= 2 ? known.join() : undefined,
  )
  const answer = (i: number, value: string) => settle[i]?.(value)
  const fail = (i: number, error: Error) => settle[i]?.(Promise.reject(error))
  return { deciding: untilDecided(answers, decide), decide, answer, fail }
}

test("the call waits for the replies that decide, in any order, and for no others", async () => {
  const { deciding, answer } = ask()
  answer(2, "c")
  answer(0, "a")
  expect(await deciding).toBe("a,,c")
})

test("a decided result does not change, whatever comes later", async () => {
  const { deciding, decide, answer } = ask()
  answer(0, "a")
  answer(1, "b")
  await deciding
  answer(2, "c")
  await Promise.resolve()
  expect(decide).toHaveBeenCalledTimes(2)
})

test("a reply that rejects after the decision is not an unhandled rejection", async () => {
  const unhandled = vi.fn()
  process.on("unhandledRejection", unhandled)
  const { deciding, answer, fail } = ask()
  answer(0, "a")
  answer(1, "b")
  expect(await deciding).toBe("a,b,")
  fail(2, new Error("too late"))
  await new Promise((resolve) => setImmediate(resolve))
  process.off("unhandledRejection", unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

test("each decision sees replies that no longer change", async () => {
  const { deciding, decide, answer } = ask()
  answer(0, "a")
  answer(1, "b")
  await deciding
  const [first, second] = decide.mock.calls.map(([known]) => known)
  expect(first).toEqual(["a", undefined, undefined])
  expect(second).toEqual(["a", "b", undefined])
})

test("a reply that rejects before the decision, or a decision that throws, is the outcome", async () => {
  const { deciding, answer, fail } = ask()
  const mistake = new TypeError("ours")
  answer(0, "a")
  fail(1, mistake)
  expect(await rejection(deciding)).toBe(mistake)
  const refuse = () => {
    throw mistake
  }
  expect(await rejection(untilDecided([Promise.resolve("a")], refuse))).toBe(mistake)
})
