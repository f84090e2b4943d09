// The replies of the scripts, parsed strictly: an invalid reply throws.
import { describe, expect, test } from "vitest"
import { RedisError } from "../../src/redis/redis-error.js"
import {
  readAcquired,
  readInteger,
  readNotice,
  readScanPage,
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

describe("a reply and the messages that the script could not publish", () => {
  test("are separated by the length of the reply's own part", () => {
    expect(splitReply(["released"], 1)).toEqual({ answer: ["released"], unsent: [] })
    expect(splitReply(["released", "c", "m", 4, 5], 1)).toEqual({
      answer: ["released"],
      unsent: [
        ["c", "m"],
        ["4", "5"],
      ],
    })
    // Half of a pair is not a message.
    expect(splitReply(["released", "c"], 1).unsent).toEqual([])
  })

  test("are a hundred messages at most", () => {
    const reply = ["released", ...Array.from({ length: 20_000 }, (_, i) => `c${String(i)}`)]
    expect(splitReply(reply, 1).unsent).toHaveLength(100)
  })

  test.for([[undefined], ["released"], [[]], [{ length: 1 }]])(
    "cannot be the invalid reply %j",
    ([reply]) => {
      expect(() => splitReply(reply, 1)).toThrow(RedisError)
    },
  )
})

describe("the reply to acquire", () => {
  test("may be a grant: its validity, a lease if that is less than the ttl, and a fencing token on request", () => {
    const grant = read(["granted", 30_000, "", "", -1, "", 0])
    expect(grant).toMatchObject({ kind: "granted", isLease: false, fencingToken: undefined })
    expect(read(["granted", "29999", "", "", -1, "", 0])).toMatchObject({ isLease: true })
    expect(read(["granted", 1, "7", "", -1, "", 0], { fencing: true })).toMatchObject({
      fencingToken: 7,
    })
    expect(read(["granted", 1, "7", "", -1, "", 0])).toMatchObject({ fencingToken: undefined })
    expect(() => read(["granted", 1, "", "", -1, "", 0], { fencing: true })).toThrow(RedisError)
  })

  test("makes a grant valid for the rest of its key's ttl, and never for longer than requested", () => {
    const granted = (ms: number) =>
      readAcquired(["granted", ms, "", "", -1, "", 0], now(), request) as Grant
    const stolen = (ms: number) => readStolen(["granted", ms, ""], now(), request) as Grant
    for (const grantOf of [granted, stolen]) {
      // Less 1 % and 2 ms, and the time that passes meanwhile.
      expect(grantOf(10_000).validity.remainingMs).toBeLessThanOrEqual(9_898)
      expect(grantOf(10_000).validity.remainingMs).toBeGreaterThan(9_000)
      expect(grantOf(60_000).validity.remainingMs).toBeLessThanOrEqual(29_698)
      expect(grantOf(60_000).validity.remainingMs).toBeGreaterThan(28_000)
    }
  })

  test("may be busy, with the holder's remaining time; -1 is Infinity, and other negative numbers are 0", () => {
    const left = (ms: number) => read(["busy", ms, "", "", -1, "", 0])
    expect(left(500)).toEqual({ kind: "busy", holderTtlMs: 500 })
    expect(left(-1)).toEqual({ kind: "busy", holderTtlMs: Infinity })
    expect(left(-2)).toEqual({ kind: "busy", holderTtlMs: 0 })
  })

  test("may be a place in the queue, its time, and the holder in front", () => {
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

  test("may be another limit, which is the caller's mistake, in an error with both limits", () => {
    const refused = (theirs: number, limit: number) => () =>
      read(["limit", theirs, "", "", -1, "", 0], { limit } as object)
    expect(refused(3, 2)).toThrow(RangeError)
    expect(refused(3, 2)).toThrow('permits: "a" is in use with 3 permits, got 2 permits')
    expect(refused(0, 2)).toThrow("in use with none (a shared lock), got 2 permits")
    expect(refused(3, Infinity)).toThrow("in use with 3 permits, got none (a shared lock)")
    // An exclusive caller named none.
    expect(() => read(["limit", 3, "", "", -1, "", 0])).toThrow(RedisError)
  })

  test.for([
    [["taken", 1, "", "1", 0, "1", 0]],
    [["granted", "x", "", "", -1, "", 0]],
    [["queued", 1, "", "", 0, "1", 0]],
    [["queued", 1, "", "1", "", "1", 0]],
    [["queued", 1, "", "1", 0, "", 0]],
    [["queued", 1, "", "1", 0, "1", null]],
  ])("cannot be the invalid reply %j", ([answer]) => {
    expect(() => read(answer ?? [])).toThrow(RedisError)
  })
})

describe("the reply to steal", () => {
  test("is the value of the key, or the grant", () => {
    const stolen = (reply: unknown, fencing = false) =>
      readStolen(reply, sentAt, { fencing, ttlMs: 30_000 })
    expect(stolen(["held", 0, "digest"])).toEqual({ kind: "held", digest: "digest" })
    // A client that parses replies may have changed the text.
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

describe("the reply to snapshot", () => {
  test("contains the holders and the waiters of each lock", () => {
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
    // A part with a remainder is invalid.
    expect(readSnapshots([["me", 500], []], 1)).toEqual([{ held: [], pending: [] }])
  })

  test.for([
    [undefined],
    [[[]]],
    [[[], [], []]],
    [[[], "x"]],
    [[["me", 1, "alone"], []]],
    [[["me", "x", "shared"], []]],
  ])("cannot be the invalid reply %j", ([reply]) => {
    expect(() => readSnapshots(reply, 1)).toThrow(RedisError)
  })
})

describe("a message to a waiter", () => {
  test("says that it is next, that its hold was stolen, or that it has the lock, with a fencing token if there is one", () => {
    expect(readNotice("stolen")).toEqual({ kind: "stolen" })
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
  ])("cannot be the invalid text %j", (message) => {
    expect(readNotice(message)).toBeUndefined()
  })
})

test("an integer is a number or its digits, and nothing else", () => {
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

test("a caller that shares the lock gets a place, as any other", () => {
  const place = ["queued", 500, "", "1", 0, "17", 0]
  expect(read(place, { limit: 2 } as object)).toMatchObject({ kind: "queued", ticket: "17" })
})

describe("a page of keys", () => {
  test("has a cursor, as text or as a number, and the keys", () => {
    expect(readScanPage(["17", ["a", "b"]])).toEqual({ next: "17", keys: ["a", "b"] })
    expect(readScanPage([0, []])).toEqual({ next: "0", keys: [] })
  })

  test.for([
    [undefined],
    ["17"],
    [[]],
    [["17"]],
    [["x", []]],
    [["1x", []]],
    [["x1", []]],
    [[true, []]],
    [[["17"], []]],
    [["17", "a"]],
    [["17", ["a", 1]]],
  ])("cannot be the invalid reply %j", ([reply]) => {
    expect(() => readScanPage(reply)).toThrow(RedisError)
  })
})
