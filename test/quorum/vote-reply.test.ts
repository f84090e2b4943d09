// The meaning of a database's reply to a request for its vote, and replies that are invalid.
import { describe, expect, test } from "vitest"
import { RedisError } from "../../src/redis/redis-error.js"
import { orFailed, readVoteReply } from "../../src/quorum/vote-reply.js"
import { rejection } from "../support/outcomes.js"

describe("a reply", () => {
  test("contains the vote, its remaining time, the last fencing token and the server's time", () => {
    const granted = { kind: "granted", leftMs: 30_000, lastFence: 7, micros: 1_700 }
    expect(readVoteReply(["granted", 30_000, "7", "1700"])).toEqual(granted)
    // From a client that parses replies.
    expect(readVoteReply(["granted", 30_000, 7, 1_700])).toEqual(granted)
  })

  test("names the holder and its remaining time: Infinity for a key that never expires, 0 for one that has just expired", () => {
    const busy = (ms: number) => readVoteReply(["busy", ms, "fl_a_b-1"])
    expect(busy(500)).toEqual({ kind: "busy", leftMs: 500, holder: "fl_a_b-1" })
    expect(busy(1)).toMatchObject({ leftMs: 1 })
    expect(busy(-1)).toMatchObject({ leftMs: Infinity })
    expect(busy(-2)).toMatchObject({ leftMs: 0 })
  })

  test("names a holder by any value, also if a client has parsed it", () => {
    expect(readVoteReply(["busy", 500, ""])).toMatchObject({ holder: "" })
    expect(readVoteReply(["busy", 500, 42])).toMatchObject({ holder: "42" })
  })

  test.each([
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [60_000, 60],
  ])(
    "of a young database is a refusal that says in how many seconds it votes: %i ms, %i s",
    (ms, s) => {
      const message = `new, or lost its memory: does not vote for another ${String(s)} s`
      const error = thrownBy(() => readVoteReply(["young", ms]))
      expect(error).toMatchObject({ message, outcome: "refused", mayHaveBeenExecuted: false })
    },
  )

  test.each([
    [null],
    [undefined],
    [7],
    [{}],
    ["granted"],
    [[]],
    [["granted"]],
    [["granted", 30_000]],
    [["granted", 30_000, "7"]],
    [["granted", "soon", "7", "1"]],
    [["busy", 500]],
    [["busy", null, "fl_a_b-1"]],
    [["queued", 30_000, "7", "1"]],
    [["young"]],
  ])("that is invalid is a failure, and may have been a vote: %j", (reply) => {
    const error = thrownBy(() => readVoteReply(reply))
    expect(error).toBeInstanceOf(RedisError)
    expect(error).toMatchObject({ outcome: "unknown", mayHaveBeenExecuted: true })
  })
})

describe("a request for a vote", () => {
  test("that fails counts as a failed vote; a programming error is thrown", async () => {
    expect(await orFailed(Promise.resolve("noted"))).toBe("noted")
    const error = new RedisError("no", { outcome: "unknown" })
    expect(await orFailed(Promise.reject(error))).toEqual({ kind: "failed", error })
    const mistake = new TypeError("ours")
    expect(await rejection(orFailed(Promise.reject(mistake)))).toBe(mistake)
  })
})

function thrownBy(read: () => unknown): unknown {
  try {
    read()
  } catch (error) {
    return error
  }
  throw new Error("expected it to throw")
}
