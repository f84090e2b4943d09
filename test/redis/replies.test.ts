// What the scripts answer, read strictly: whatever is not as it must be is no answer.
import { describe, expect, test } from "vitest"
import { RedisError } from "../../src/redis/redis-error.js"
import {
  readAcquired,
  readInteger,
  readNotice,
  readSnapshots,
  readStolen,
  splitReply,
} from "../../src/redis/replies.js"
import type { Grant } from "../../src/redis/store.js"
import { now } from "../../src/time/validity.js"

const sentAt = now()
const request = { name: "a", token: "fl_a_b", ttlMs: 30_000, fencing: false, limit: undefined }

const read = (answer: readonly unknown[], asked: Partial<typeof request> = {}) =>
  readAcquired(answer, sentAt, { ...request, ...asked })

describe("a reply and what the script could not publish", () => {
  test("are told apart by the length of its own part", () => {
    expect(splitReply(["released"], 1)).toEqual({ answer: ["released"], unsent: [] })
    expect(splitReply(["released", "c", "m", 4, 5], 1)).toEqual({
      answer: ["released"],
      unsent: [
        ["c", "m"],
        ["4", "5"],
      ],
    })
    // Half of a pair is no message.
    expect(splitReply(["released", "c"], 1).unsent).toEqual([])
  })

  test("are a hundred messages at most", () => {
    const reply = ["released", ...Array.from({ length: 20_000 }, (_, i) => `c${String(i)}`)]
    expect(splitReply(reply, 1).unsent).toHaveLength(100)
  })

  test.for([[undefined], ["released"], [[]], [{ length: 1 }]])("%j is none", ([reply]) => {
    expect(() => splitReply(reply, 1)).toThrow(RedisError)
  })
})

describe("acquire", () => {
  test("granted: for what is left, as a lease where that is less than the ttl, with a token if one was asked for", () => {
    const grant = read(["granted", 30_000, "", "", -1, "", 0])
    expect(grant).toMatchObject({ kind: "granted", isLease: false, fencingToken: undefined })
    expect(read(["granted", "29999", "", "", -1, "", 0])).toMatchObject({ isLease: true })
    expect(read(["granted", 1, "7", "", -1, "", 0], { fencing: true })).toMatchObject({
      fencingToken: 7,
    })
    expect(read(["granted", 1, "7", "", -1, "", 0])).toMatchObject({ fencingToken: undefined })
    expect(() => read(["granted", 1, "", "", -1, "", 0], { fencing: true })).toThrow(RedisError)
  })

  test("a grant is valid for what its key has left, and never for longer than was asked for", () => {
    const granted = (ms: number) =>
      readAcquired(["granted", ms, "", "", -1, "", 0], now(), request) as Grant
    const stolen = (ms: number) => readStolen(["granted", ms, ""], now(), request) as Grant
    for (const grantOf of [granted, stolen]) {
      // Less 1 % and 2 ms, and what passes meanwhile.
      expect(grantOf(10_000).validity.remainingMs).toBeLessThanOrEqual(9_898)
      expect(grantOf(10_000).validity.remainingMs).toBeGreaterThan(9_000)
      expect(grantOf(60_000).validity.remainingMs).toBeLessThanOrEqual(29_698)
      expect(grantOf(60_000).validity.remainingMs).toBeGreaterThan(28_000)
    }
  })

  test("busy: for as long as the holder has left; -1 is for ever, and less than nothing is nothing", () => {
    const left = (ms: number) => read(["busy", ms, "", "", -1, "", 0])
    expect(left(500)).toEqual({ kind: "busy", holderTtlMs: 500 })
    expect(left(-1)).toEqual({ kind: "busy", holderTtlMs: Infinity })
    expect(left(-2)).toEqual({ kind: "busy", holderTtlMs: 0 })
  })

  test("queued: where, since when, behind whom", () => {
    expect(read(["queued", 500, "", "1700000000000001", 3, "1700000000000000", 1])).toEqual({
      kind: "queued",
      holderTtlMs: 500,
      isForeign: true,
      place: 3,
      ticket: "1700000000000000",
      serverTime: { sentAt, micros: 1_700_000_000_000_001 },
    })
    expect(read(["queued", 500, "", "1", 0, 2, 0])).toMatchObject({ isForeign: false, ticket: "2" })
  })

  test("another limit is a mistake of who names it, and is told with both", () => {
    const refused = (theirs: number, limit: number) => () =>
      read(["limit", theirs, "", "", -1, "", 0], { limit } as object)
    expect(refused(3, 2)).toThrow(RangeError)
    expect(refused(3, 2)).toThrow('permits: "a" is in use with 3 permits, got 2 permits')
    expect(refused(0, 2)).toThrow("in use with none (a shared lock), got 2 permits")
    expect(refused(3, Infinity)).toThrow("in use with 3 permits, got none (a shared lock)")
    // Who wants the lock alone named none.
    expect(() => read(["limit", 3, "", "", -1, "", 0])).toThrow(RedisError)
  })

  test.for([
    [["taken", 1, "", "1", 0, "1", 0]],
    [["granted", "x", "", "", -1, "", 0]],
    [["queued", 1, "", "", 0, "1", 0]],
    [["queued", 1, "", "1", "", "1", 0]],
    [["queued", 1, "", "1", 0, "", 0]],
    [["queued", 1, "", "1", 0, "1", null]],
  ])("%j is none", ([answer]) => {
    expect(() => read(answer ?? [])).toThrow(RedisError)
  })
})

describe("steal", () => {
  test("what stands there, or the grant", () => {
    const stolen = (reply: unknown, fencing = false) =>
      readStolen(reply, sentAt, { fencing, ttlMs: 30_000 })
    expect(stolen(["held", 0, "digest"])).toEqual({ kind: "held", digest: "digest" })
    // A client that parses replies may have made something else of the text.
    expect(stolen(["held", 0, null])).toEqual({ kind: "held", digest: "null" })
    expect(stolen(["held", 0, 17])).toEqual({ kind: "held", digest: "17" })
    for (const none of [undefined, {}, []]) {
      expect(() => stolen(["held", 0, none])).toThrow(RedisError)
    }
    expect(stolen(["granted", 500, ""])).toMatchObject({
      kind: "granted",
      fencingToken: undefined,
      isLease: false,
    })
    expect(stolen(["granted", 500, "7"], true)).toMatchObject({ fencingToken: 7 })
    expect(() => stolen(["granted", 500, ""], true)).toThrow(RedisError)
    expect(() => stolen(["busy", 0, ""])).toThrow(RedisError)
    for (const reply of ["granted", undefined, 7]) expect(() => stolen(reply)).toThrow(RedisError)
  })
})

describe("snapshot", () => {
  test("for each lock who holds it and who waits", () => {
    const reply = [
      ["me", 500, "exclusive"],
      ["you", 17, "shared"],
      ["", -1, "shared", 7, "9", "shared"],
      [],
    ]
    expect(readSnapshots(reply, 2)).toEqual([
      {
        held: [{ clientId: "me", ms: 500, mode: "exclusive" }],
        pending: [{ clientId: "you", ms: 17, mode: "shared" }],
      },
      {
        held: [
          { clientId: "", ms: Infinity, mode: "shared" },
          { clientId: "7", ms: 9, mode: "shared" },
        ],
        pending: [],
      },
    ])
    expect(readSnapshots([["me", 0, "shared"], []], 1)[0]?.held[0]?.ms).toBe(0)
    // What is left of a part is none.
    expect(readSnapshots([["me", 500], []], 1)).toEqual([{ held: [], pending: [] }])
  })

  test.for([
    [undefined],
    [[[]]],
    [[[], [], []]],
    [[[], "x"]],
    [[["me", 1, "alone"], []]],
    [[["me", "x", "shared"], []]],
  ])("%j is none", ([reply]) => {
    expect(() => readSnapshots(reply, 1)).toThrow(RedisError)
  })
})

describe("a notice", () => {
  test("that it is next, or that the lock is its own, with a fencing token if there is one", () => {
    expect(readNotice("next 500")).toEqual({ kind: "next", leaseMs: 500 })
    expect(readNotice("granted 17 500 ")).toMatchObject({
      kind: "granted",
      micros: 17,
      leaseMs: 500,
      fencingToken: undefined,
    })
    expect(readNotice("granted 17 500 7")).toMatchObject({ fencingToken: 7 })
  })

  test.for([
    ...["", "next", "next x", "next 1.5", "granted", "granted 17", "granted 17 500"],
    ...["granted x 500 ", "granted 17 x ", "granted 17 500 x", "taken 17 500 ", "granted 1.5 500 "],
  ])("%j is none", (message) => {
    expect(readNotice(message)).toBeUndefined()
  })
})

test("an integer is one as a number or as its digits, and nothing else is", () => {
  expect([7, "7", -1, "-1", "0"].map(readInteger)).toEqual([7, 7, -1, -1, 0])
  for (const value of [
    "",
    " 7",
    "7 ",
    "7.0",
    "1e3",
    "x7",
    "7x",
    1.5,
    NaN,
    null,
    undefined,
    true,
    ["7"],
  ]) {
    expect(() => readInteger(value)).toThrow(RedisError)
  }
  expect(() => readInteger("9007199254740993")).toThrow(RedisError)
})
