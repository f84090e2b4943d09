// One database of a quorum: its requests, the meaning of its replies, and how hard a vote is withdrawn.
import { describe, expect, test, vi } from "vitest"
import { VOTING_SINCE_KEY } from "../../src/redis/keys.js"
import type { QuorumNode } from "../../src/quorum/quorum-node.js"
import { rejection } from "../support/outcomes.js"
import { LOCK_REQUEST } from "../support/request.js"
import {
  after,
  type DatabaseScript,
  fails,
  grants,
  hangs,
  says,
  scriptedDatabase,
} from "../support/scripted-databases.js"
import { useVirtualTime } from "../support/virtual-time.js"

const claim = { name: "a", token: "fl_a_b-1" }

useVirtualTime()

/** The requests and the result of one call. */
async function ask(script: DatabaseScript, call: (node: QuorumNode) => Promise<unknown>) {
  const { node, asked } = scriptedDatabase(script)
  const result = await call(node)
  return { result, sent: asked.map(({ keys, args, timeoutMs }) => [...keys, args, timeoutMs]) }
}

describe("a vote", () => {
  test("is requested with the token of the call, the attempt, the ttl and the quarantine", async () => {
    const { result, sent } = await ask({ vote: [grants()] }, (node) =>
      node.vote(LOCK_REQUEST, 2, 60_000, 500),
    )
    expect(result).toMatchObject({ kind: "granted" })
    const args = ["fl_a_b", "2", "30000", "60000"]
    expect(sent).toEqual([["lock:a", VOTING_SINCE_KEY, "{lock:a}:fence", args, 500]])
  })

  test("that fails is a vote of its own kind, but a programming error is thrown", async () => {
    const { node } = scriptedDatabase({ vote: [fails({}, "the connection broke")] })
    expect(await node.vote(LOCK_REQUEST, 1, 0, 500)).toMatchObject({
      kind: "failed",
      error: { message: "the connection broke", outcome: "unknown" },
    })
    const mistake = new TypeError("ours")
    const broken = scriptedDatabase({ vote: [() => Promise.reject(mistake)] })
    expect(await rejection(broken.node.vote(LOCK_REQUEST, 1, 0, 500))).toBe(mistake)
  })
})

describe("a fencing token", () => {
  test("is noted for the claim", async () => {
    const { result, sent } = await ask({ fence: [says("noted")] }, (node) =>
      node.storeFence(claim, 17, 500),
    )
    expect(result).toBe("noted")
    expect(sent).toEqual([["lock:a", "{lock:a}:fence", ["fl_a_b-1", "17"], 500]])
  })

  test.each(["taken", "gone"])(
    "is not noted if the vote is %s: that is certain, and nothing is left to be withdrawn",
    async (reply) => {
      const { node } = scriptedDatabase({ fence: [says(reply)] })
      expect(await node.storeFence(claim, 17, 500)).toMatchObject({
        kind: "failed",
        error: {
          message: "no longer has our vote",
          outcome: "unknown",
          mayHaveBeenExecuted: false,
        },
      })
    },
  )

  test.each(["NOTED", "", null, 1, ["noted"]])(
    "is not noted by the invalid reply %j",
    async (reply) => {
      const { node } = scriptedDatabase({ fence: [says(reply)] })
      expect(await node.storeFence(claim, 17, 500)).toMatchObject({
        kind: "failed",
        error: { message: "unexpected response to this command" },
      })
    },
  )
})

describe("a hold", () => {
  test("is checked, extended and released under the claim's token, and judged by this machine's clocks", async () => {
    const { node, asked } = scriptedDatabase({
      readHold: [says(["held", 1_000])],
      extend: [says("renewed")],
    })
    expect(await node.readHold(claim, 500)).toMatchObject({ remainingMs: 988 })
    expect(await node.extend(claim, 10_000, 500)).toMatchObject({ remainingMs: 9_898 })
    expect(await node.release(claim, 500)).toBe("released")
    expect(asked.map(({ operation }) => operation)).toEqual(["readHold", "extend", "release"])
    for (const { keys, args, timeoutMs } of asked) {
      expect([keys[0], args[0], timeoutMs]).toEqual(["lock:a", "fl_a_b-1", 500])
    }
  })

  test("is extended under its token, for its ttl", async () => {
    const { databaseArgs } = await extendOn("renewed")
    expect(databaseArgs).toEqual(["fl_a_b-1", "10000"])
  })

  test("that was stolen in one database has lost that vote like any other", async () => {
    expect((await extendOn("stolen")).result).toBe("taken")
    expect((await extendOn("taken")).result).toBe("taken")
    expect((await extendOn("gone")).result).toBe("gone")
  })

  test("has failed at a database that does not respond", async () => {
    const { node } = scriptedDatabase({
      readHold: [fails()],
      extend: [fails()],
      release: [fails()],
    })
    for (const asking of [
      node.readHold(claim, 500),
      node.extend(claim, 10_000, 500),
      node.release(claim, 500),
    ]) {
      expect(await asking).toMatchObject({ kind: "failed" })
    }
  })
})

async function extendOn(reply: string) {
  const { node, asked } = scriptedDatabase({ extend: [says(reply)] })
  const result = await node.extend(claim, 10_000, 500)
  return { result, databaseArgs: asked[0]?.args }
}

describe("a vote without a grant", () => {
  /** The times of the attempts to withdraw the vote, and the timeout of each. */
  async function withdraw(script: DatabaseScript, withinMs: number) {
    const { node, asked } = scriptedDatabase(script)
    const startedAt = Date.now()
    const withdrawing = node.withdraw(claim, withinMs)
    await vi.runAllTimersAsync()
    await withdrawing
    return asked.map(({ atMs, timeoutMs }) => [atMs - startedAt, timeoutMs])
  }

  test("is withdrawn once if the database replies, with any holder", async () => {
    for (const reply of ["released", "taken", "gone"]) {
      expect(await withdraw({ release: [says([reply, 0])] }, 5_000)).toEqual([[0, 2_500]])
    }
  })

  test("is withdrawn in up to five attempts, each with half of the remaining time", async () => {
    // The pauses are 100, 200, 400 and 800 ms.
    expect(await withdraw({ release: [fails()] }, 5_000)).toEqual([
      [0, 2_500],
      [100, 2_450],
      [300, 2_350],
      [700, 2_150],
      [1_500, 1_750],
    ])
  })

  test("is withdrawn in as many attempts as its time allows, so that one that hangs leaves time for another", async () => {
    expect(await withdraw({ release: [hangs] }, 1_000)).toEqual([
      [0, 500],
      [600, 250],
    ])
    expect(await withdraw({ release: [hangs, after(50, says(["released", 0]))] }, 1_000)).toEqual([
      [0, 500],
      [600, 250],
    ])
  })

  test("stays until its ttl ends if the withdrawal is refused, and the caller gets no error", async () => {
    expect(await withdraw({ release: [fails({ outcome: "refused" })] }, 5_000)).toHaveLength(1)
  })
})

describe("a start", () => {
  test("is sent to the database once for all of its locks", async () => {
    const { result, sent } = await ask({ start: [says("started")] }, (node) => node.start(500))
    expect(result).toBe("started")
    expect(sent).toEqual([[VOTING_SINCE_KEY, [], 500]])
  })

  test.each(["OK", "", null, ["started"]])(
    "is not confirmed by the invalid reply %j",
    async (reply) => {
      const { node } = scriptedDatabase({ start: [says(reply)] })
      expect(await node.start(500)).toMatchObject({ kind: "failed" })
    },
  )
})
