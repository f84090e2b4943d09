// Records that are read and refused, and the results that a message can carry.
import { describe, expect, test } from "vitest"
import { checkText, fitsMessage, readRecord } from "../../src/once/once-record.js"
import { RedisError } from "../../src/redis/redis-error.js"
import { recordOf } from "./record-of.js"

describe("a record", () => {
  test.each(["", "1", "a b", "two\nlines\n", "ä😀"])("is read with its text: %j", (text) => {
    const record = recordOf(text, { settledAt: 12, fingerprint: "f", kind: "e" })
    expect(readRecord(record)).toEqual({ kind: "e", settledAt: 12, fingerprint: "f", text })
  })

  test.each([
    ["of another type", 1],
    ["of a type that becomes its text", { toString: () => recordOf("1") }],
    ["empty", ""],
    ["with something before it", ` ${recordOf("1")}`],
    ["with a line before it", `x\n${recordOf("1")}`],
    ["of another kind", recordOf("1", { kind: "x" })],
    ["cut off", recordOf("12").slice(0, -1)],
    ["with too much", `${recordOf("12")}3`],
    ["whose characters are as many as its bytes should be", recordOf("ä", { bytes: 1 })],
    ["without a size", recordOf("1").replace(" v 1 ", " v  ")],
  ])("is refused: %s", (_, record) => {
    expect(() => readRecord(record)).toThrow(RedisError)
  })
})

describe("a serialized value", () => {
  test.each(["", "1", "😀"])("is text: %j", (text) => {
    expect(checkText("serialize", text)).toBe(text)
  })

  test.each([[undefined], [1], ["half of \ud83d"], [["1"]]])(
    "is refused, and the option named: %j",
    (text) => {
      expect(() => checkText("serialize", text)).toThrow(TypeError)
      expect(() => checkText("serialize", text)).toThrow(
        /^serialize: must be a function that returns a well-formed string, got /,
      )
    },
  )
})

describe("a message", () => {
  test("carries up to 8 KiB", () => {
    expect(fitsMessage("a".repeat(8_192))).toBe(true)
    expect(fitsMessage("a".repeat(8_193))).toBe(false)
    expect(fitsMessage("ä".repeat(4_097))).toBe(false)
  })

  test.each(["\n", "\r", "\u2028", "\u2029"])("carries no line break: %j", (text) => {
    expect(fitsMessage(`a${text}b`)).toBe(false)
  })
})
