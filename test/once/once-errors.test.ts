// The errors of a shared run: their facts, and how the error of a run travels.
import { describe, expect, test } from "vitest"
import { OnceAttemptsError, OnceMismatchError } from "../../src/once/index.js"
import { readError, writeError } from "../../src/once/once-errors.js"
import { RunLock } from "../../src/once/run-lock.js"

test("each says what happened to which name, and has a code for a switch", () => {
  const mismatch = new OnceMismatchError("a")
  expect([mismatch.name, mismatch.code, mismatch.message, mismatch.onceName]).toEqual([
    ...["OnceMismatchError", "mismatch", '"a" is in use with another fingerprint', "a"],
  ])
  const attempts = new OnceAttemptsError("a", 3)
  expect([attempts.name, attempts.code, attempts.message, attempts.attempts]).toEqual([
    ...["OnceAttemptsError", "attempts", '"a" crashed 3 times in a row', 3],
  ])
})

describe("the error of a run", () => {
  const travelled = (error: unknown) => {
    const { name, message, code } = readError(writeError(error))
    return { name, message, code }
  }

  test.each([
    [new TypeError("no"), { name: "TypeError", message: "no", code: undefined }],
    [Object.assign(new Error("no"), { code: "E1" }), { name: "Error", message: "no", code: "E1" }],
    [Object.assign(new Error("no"), { code: 12 }), { name: "Error", message: "no", code: 12 }],
    [
      Object.assign(new Error("no"), { code: {} }),
      { name: "Error", message: "no", code: undefined },
    ],
    ["a text", { name: "Error", message: "a text", code: undefined }],
    [undefined, { name: "Error", message: "the run failed", code: undefined }],
    [
      { name: "X", message: "y" },
      { name: "Error", message: "the run failed", code: undefined },
    ],
  ])("travels with its name, message and code: %s", (error, expected) => {
    expect(travelled(error)).toEqual(expected)
  })

  test("is not converted to text: that may throw", () => {
    const error = Object.assign(new Error("no"), { name: Symbol("x"), message: 1 })
    const expected = { name: "Error", message: "the run failed", code: undefined }
    expect(travelled(error)).toEqual(expected)
  })
})

test("the lock of a run cannot outlive it", async () => {
  const lock = Object.create(RunLock.prototype) as RunLock
  const refused = async (name: string, call: () => unknown) => {
    const error = await Promise.resolve()
      .then(call)
      .catch((reason: unknown) => reason)
    const message = `${name}: the lock of a run ends with the run`
    expect(error).toMatchObject({ name: "NotSupportedError", message })
  }
  await refused("release", () => lock.release())
  await refused("keep", () => lock.keep())
  await refused("transfer", () => lock.transfer())
})
