// The result of a quorum's votes, and the moment at which it is decided.
import { describe, expect, test } from "vitest"
import { RedisError } from "../../src/redis/redis-error.js"
import type { VoteReply } from "../../src/quorum/vote-reply.js"
import { countVotes } from "../../src/quorum/count-votes.js"

const BALLOTS: Readonly<Record<string, VoteReply | undefined>> = {
  g: { kind: "granted", leftMs: 1_000, lastFence: 0, micros: 1 },
  a: { kind: "busy", leftMs: 300, holder: "a" },
  b: { kind: "busy", leftMs: 200, holder: "b" },
  c: { kind: "busy", leftMs: Infinity, holder: "c" },
  f: { kind: "failed", error: new RedisError("no", { outcome: "unknown" }) },
  "-": undefined,
}

/** One letter for each database: granted, the vote of a, b or c, failed, not answered yet. */
function count(votes: string) {
  const known = Array.from(votes, (letter) => BALLOTS[letter])
  return countVotes(known, Math.floor(known.length / 2) + 1)
}

describe.each([
  ["granted", ["g", "ggg--", "ggagg", "gg-", "ggg-", "ffggg", "gggff"]],
  ["busy", ["a", "aaa--", "aaagg", "aa-", "aaa-", "aabbc", "aabf-".replace("-", "a"), "aaaff"]],
  ["failed", ["f", "fff--", "fffgg", "fffaa", "ff-", "ff--", "ffgg"]],
  ["split", ["gab", "ggaa", "ggaab", "gaabb", "ggabf", "gbacf", "ggaaf"]],
  [undefined, ["-", "gg---", "aa---", "ggaa-", "ggff-", "gaab-", "g-", "gga-"]],
] as const)("the result is %s", (kind, examples) => {
  test.each(examples)("for the votes %s", (votes) => {
    expect(count(votes)?.kind).toBe(kind)
  })
})

test("a split that may be a hold, counting the failed databases, is told apart from one that cannot be", () => {
  expect(count("ggaab")).toMatchObject({ mayBeHeld: false })
  expect(count("ggaaf")).toMatchObject({ mayBeHeld: true })
  expect(count("ggabf")).toMatchObject({ mayBeHeld: false })
})

test("a refusal reports when a majority may be free", () => {
  // One of three has to end.
  expect(count("aaa--")).toMatchObject({ holderTtlMs: 300 })
  expect(count("aab")).toMatchObject({ holderTtlMs: 300 })
  expect(count("ccc--")).toMatchObject({ holderTtlMs: Infinity })
  expect(count("aba")).toMatchObject({ holderTtlMs: 300 })
  expect(count("bab")).toMatchObject({ holderTtlMs: 200 })
  // Three of five have to.
  expect(count("bbbaa")).toMatchObject({ holderTtlMs: 200 })
  expect(count("bbaaa")).toMatchObject({ holderTtlMs: 300 })
})
