// What the votes of a quorum amount to, and from when on that is known.
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

/** One letter for each database: granted, a, b or c has it, failed, not answered yet. */
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
] as const)("%s", (kind, examples) => {
  test.each(examples)("%s", (votes) => {
    expect(count(votes)?.kind).toBe(kind)
  })
})

test("a split that may be a hold by the votes of the silent is told from one that cannot", () => {
  expect(count("ggaab")).toMatchObject({ mayBeHeld: false })
  expect(count("ggaaf")).toMatchObject({ mayBeHeld: true })
  expect(count("ggabf")).toMatchObject({ mayBeHeld: false })
})

test("who is refused is told when a majority may be free", () => {
  // One of three has to go.
  expect(count("aaa--")).toMatchObject({ holderTtlMs: 300 })
  expect(count("aab")).toMatchObject({ holderTtlMs: 300 })
  expect(count("ccc--")).toMatchObject({ holderTtlMs: Infinity })
  expect(count("aba")).toMatchObject({ holderTtlMs: 300 })
  expect(count("bab")).toMatchObject({ holderTtlMs: 200 })
  // Three of five have to.
  expect(count("bbbaa")).toMatchObject({ holderTtlMs: 200 })
  expect(count("bbaaa")).toMatchObject({ holderTtlMs: 300 })
})
