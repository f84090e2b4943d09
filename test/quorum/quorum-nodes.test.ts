// What a majority is, how long its databases may take, and what is said where there is none.
import { describe, expect, test } from "vitest"
import { RedisError, type RedisFailure } from "../../src/redis/redis-error.js"
import { isFailed } from "../../src/quorum/quorum-nodes.js"
import { now, Validity } from "../../src/time/validity.js"
import { scriptedPanel } from "../support/scripted-databases.js"

function nodesOf(count: number, voteMs?: number) {
  return scriptedPanel(
    Array.from({ length: count }, () => ({})),
    { voteMs },
  ).nodes
}

function failed(failure: Partial<RedisFailure> = {}, message = "no") {
  const error = new RedisError(message, { outcome: "unknown", ...failure })
  return { kind: "failed", error } as const
}

test.each([
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 3],
  [5, 3],
])(
  "of %i databases %i are a majority, and as many as leave none are too many",
  (count, majority) => {
    const nodes = nodesOf(count)
    expect(nodes.majority).toBe(majority)
    expect(nodes.isTooMany(count - majority)).toBe(false)
    expect(nodes.isTooMany(count - majority + 1)).toBe(true)
  },
)

describe("a database may take", () => {
  test("a tenth of the ttl to vote, half a second at least, and never longer than a request may", () => {
    const nodes = nodesOf(3)
    expect(nodes.voteMs(30_000, 5_000)).toBe(3_000)
    expect(nodes.voteMs(1_000, 5_000)).toBe(500)
    expect(nodes.voteMs(30_000, 2_000)).toBe(2_000)
    expect(nodes.voteMs(1_000, 100)).toBe(100)
  })

  test("as long as the option says, whatever the ttl, and never longer than a request may", () => {
    const nodes = nodesOf(3, 50)
    expect(nodes.voteMs(30_000, 5_000)).toBe(50)
    expect(nodes.voteMs(30_000, 20)).toBe(20)
  })
})

describe("no majority", () => {
  test("is told with each database that failed, its place and its own reason", () => {
    const [first, last] = [failed({}, "the connection broke"), failed({}, "no answer")]
    const error = nodesOf(3).failure([first, "taken", last])
    expect(error.name).toBe("QuorumError")
    expect(error.message).toBe(
      "no majority of 3 databases: [0] the connection broke; [2] no answer",
    )
    expect(error.failures).toEqual([
      { database: 0, reason: first.error },
      { database: 2, reason: last.error },
    ])
  })

  test("is a refusal, which is not asked about again, only where refusals alone leave none", () => {
    const refused = failed({ outcome: "refused" })
    const nodes = nodesOf(3)
    expect(nodes.failure([refused, refused, undefined]).outcome).toBe("refused")
    expect(nodes.failure([refused, failed(), undefined]).outcome).toBe("unknown")
    expect(nodes.failure([failed(), failed(), failed()]).outcome).toBe("unknown")
  })

  test("has a status where all that failed have the same one", () => {
    const nodes = nodesOf(3)
    const [no, bad] = [failed({ status: 401 }), failed({ status: 502 })]
    expect(nodes.failure([no, undefined, no]).status).toBe(401)
    expect(nodes.failure([no, bad, undefined]).status).toBeUndefined()
    expect(nodes.failure([no, no, bad]).status).toBeUndefined()
    expect(nodes.failure([failed(), no, undefined]).status).toBeUndefined()
    const ours = { kind: "failed", error: new Error("no request") }
    expect(nodes.failure([ours, ours, no]).status).toBeUndefined()
  })

  test("leaves nothing that may have been executed: its votes are being taken back", () => {
    expect(nodesOf(3).failure([failed(), failed(), undefined]).mayHaveBeenExecuted).toBe(false)
  })
})

test("of all answers only a failure is one", () => {
  expect(isFailed(failed())).toBe(true)
  const answers = ["noted", "taken", undefined, Validity.ofTtl(now(), 1_000), { kind: "granted" }]
  expect(answers.some(isFailed)).toBe(false)
})
