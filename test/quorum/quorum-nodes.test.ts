// The size of a majority, the timeouts of its databases, and the error without a majority.
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
  "of %i databases %i are a majority, and as many failures as leave no majority are too many",
  (count, majority) => {
    const nodes = nodesOf(count)
    expect(nodes.majority).toBe(majority)
    expect(nodes.isTooMany(count - majority)).toBe(false)
    expect(nodes.isTooMany(count - majority + 1)).toBe(true)
  },
)

describe("the timeout of a database", () => {
  test("for a vote is a tenth of the ttl, at least half a second, and never longer than that of a request", () => {
    const nodes = nodesOf(3)
    expect(nodes.voteMs(30_000, 5_000)).toBe(3_000)
    expect(nodes.voteMs(1_000, 5_000)).toBe(500)
    expect(nodes.voteMs(30_000, 2_000)).toBe(2_000)
    expect(nodes.voteMs(1_000, 100)).toBe(100)
  })

  test("for a vote is the option's value, for any ttl, and never longer than that of a request", () => {
    const nodes = nodesOf(3, 50)
    expect(nodes.voteMs(30_000, 5_000)).toBe(50)
    expect(nodes.voteMs(30_000, 20)).toBe(20)
  })
})

describe("the error without a majority", () => {
  test("lists each database that failed, with its place and its own reason", () => {
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

  test("counts as a refusal, which is not retried, only if refusals alone leave no majority", () => {
    const refused = failed({ outcome: "refused" })
    const nodes = nodesOf(3)
    expect(nodes.failure([refused, refused, undefined]).outcome).toBe("refused")
    expect(nodes.failure([refused, failed(), undefined]).outcome).toBe("unknown")
    expect(nodes.failure([failed(), failed(), failed()]).outcome).toBe("unknown")
  })

  test("has a status if all failed databases have the same one", () => {
    const nodes = nodesOf(3)
    const [no, bad] = [failed({ status: 401 }), failed({ status: 502 })]
    expect(nodes.failure([no, undefined, no]).status).toBe(401)
    expect(nodes.failure([no, bad, undefined]).status).toBeUndefined()
    expect(nodes.failure([no, no, bad]).status).toBeUndefined()
    expect(nodes.failure([failed(), no, undefined]).status).toBeUndefined()
    const ours = { kind: "failed", error: new Error("no request") }
    expect(nodes.failure([ours, ours, no]).status).toBeUndefined()
  })

  test("says that nothing may have been executed, because its votes are withdrawn", () => {
    expect(nodesOf(3).failure([failed(), failed(), undefined]).mayHaveBeenExecuted).toBe(false)
  })
})

test("only a failure counts as failed, and no other reply", () => {
  expect(isFailed(failed())).toBe(true)
  const answers = ["noted", "taken", undefined, Validity.ofTtl(now(), 1_000), { kind: "granted" }]
  expect(answers.some(isFailed)).toBe(false)
})
