// Locks on a majority: the replies that decide each operation, and how a split is settled.
import { describe, expect, test, vi } from "vitest"
import { LockManager } from "../../src/index.js"
import { RedisError } from "../../src/redis/redis-error.js"
import type { QuorumSettings } from "../../src/quorum/quorum-nodes.js"
import { QuorumStore } from "../../src/quorum/quorum-store.js"
import type { StoreRecipe } from "../../src/redis/store.js"
import { Validity } from "../../src/time/validity.js"
import { rejection } from "../support/outcomes.js"
import { LOCK_REQUEST } from "../support/request.js"
import {
  after,
  type DatabaseScript,
  fails,
  grants,
  hangs,
  refuses,
  says,
  scriptedPanel,
} from "../support/scripted-databases.js"
import { useVirtualTime } from "../support/virtual-time.js"

const claim = { name: "a", token: "fl_a_b-1" }

useVirtualTime()

function storeOf(scripts: readonly DatabaseScript[], settings?: Partial<QuorumSettings>) {
  const quorum = scriptedPanel(scripts, settings)
  return { ...quorum, store: new QuorumStore(quorum.nodes) }
}

describe("a split", () => {
  const granting = { vote: [grants()] }
  const toB = { vote: [refuses("b")] }
  const toC = { vote: [refuses("c", 10_000)] }
  const failing = { vote: [fails()] }
  const split = [granting, granting, toB, toB, toC]
  const perhapsHeld = [granting, granting, toB, toB, failing]

  /** The result after the given ms, and when each of its attempts was made and how long a vote might take. */
  async function settle(scripts: readonly DatabaseScript[], timeoutMs: number) {
    const { store, databases } = storeOf(scripts)
    const startedAt = Date.now()
    const taking = store.tryAcquire(LOCK_REQUEST, timeoutMs)
    taking.catch(() => undefined)
    await vi.runAllTimersAsync()
    const votes = databases[0]?.of("vote").map((vote) => [vote.atMs - startedAt, vote.timeoutMs])
    return { result: await taking, votes }
  }

  test("that persists is contention, after five attempts with growing pauses", async () => {
    expect(await settle(split, 5_000)).toEqual({
      result: { kind: "busy", holderTtlMs: 10_000 },
      votes: [
        [0, 3_000],
        [100, 3_000],
        [300, 3_000],
        [700, 3_000],
        [1_500, 3_000],
      ],
    })
  })

  test("that may be a hold, counting the failed databases, is contention after three attempts", async () => {
    const { result, votes } = await settle(perhapsHeld, 5_000)
    expect(result).toEqual({ kind: "busy", holderTtlMs: 20_000 })
    expect(votes).toHaveLength(3)
  })

  test("is contention if no time is left for a pause and another attempt", async () => {
    const attempts = async (timeoutMs: number) => (await settle(split, timeoutMs)).votes
    expect(await attempts(100)).toEqual([[0, 100]])
    expect(await attempts(101)).toEqual([
      [0, 101],
      [100, 101],
    ])
    expect(await attempts(250)).toEqual([
      [0, 250],
      [100, 250],
    ])
    expect(await attempts(300)).toHaveLength(2)
    expect(await attempts(301)).toHaveLength(3)
  })

  test("is settled by the first attempt that gets a majority, under a token of its own", async () => {
    const thenOurs = { vote: [refuses("c"), grants()] }
    const { result } = await settle([granting, granting, toB, toB, thenOurs], 5_000)
    expect(result).toMatchObject({ kind: "granted", token: "fl_a_b-2" })
  })

  test("is not retried by a call that has been aborted", async () => {
    const { store, databases, works } = storeOf(split)
    const controller = new AbortController()
    const taking = rejection(
      store.tryAcquire({ ...LOCK_REQUEST, signal: controller.signal }, 5_000),
    )
    await vi.advanceTimersByTimeAsync(50)
    controller.abort("enough")
    expect(await taking).toBe("enough")
    await vi.runAllTimersAsync()
    await Promise.all(works)
    expect(databases.map(({ asked }) => asked.map(({ operation }) => operation))).toEqual([
      ["vote", "release"],
      ["vote", "release"],
      ["vote"],
      ["vote"],
      ["vote"],
    ])
  })

  test("is not retried by a call that got no vote: the callers with votes settle it", async () => {
    const { result, votes } = await settle([toB, toB, toC, toC, failing], 5_000)
    expect(result).toMatchObject({ kind: "busy" })
    expect(votes).toHaveLength(1)
  })
})

test("each attempt has a greater number than all before it, for any lock", async () => {
  const { store, databases } = storeOf([{ vote: [grants()] }])
  await store.tryAcquire(LOCK_REQUEST, 1_000)
  await store.tryAcquire({ ...LOCK_REQUEST, name: "b", token: "fl_a_c" }, 1_000)
  await store.tryAcquire(LOCK_REQUEST, 1_000)
  expect(databases[0]?.of("vote").map(({ args }) => args[1])).toEqual(["1", "2", "3"])
})

describe("a hold", () => {
  const LOOKED = {
    h: says(["held", 10_000]),
    t: says(["taken", 0]),
    g: says(["gone", 0]),
    f: fails(),
    "-": hangs,
  }
  const EXTENDED = { ...LOOKED, h: says("renewed"), t: says("taken"), g: says("gone") }

  describe.each([
    ["held", ["h", "hhh--", "hhffh", "hhtgh", "tghhh", "hh-"]],
    ["taken", ["t", "ttt--", "tgt--", "hhttt", "tg", "gt--", "tgfft", "tt-"]],
    ["gone", ["g", "ggg--", "gtg--", "hhggt", "gg-"]],
    ["failed", ["f", "fff--", "hhfff", "hhtff", "ttffh", "hhttf", "ff-"]],
    ["waits", ["-", "hh---", "tt---", "ff---", "hhtt-", "hhff-", "ttff-"]],
  ])("is %s", (outcome, examples) => {
    test.each(examples)("by the replies %s, to a check and to an extension", async (letters) => {
      const looking = outcomeOf(letters, "readHold", LOOKED, (store) =>
        store.readHold(claim, 1_000),
      )
      expect(await looking).toBe(outcome)
      const extension = { ...claim, ttlMs: 30_000 }
      const extending = outcomeOf(letters, "extend", EXTENDED, (store) =>
        store.extend(extension, 1_000),
      )
      expect(await extending).toBe(outcome)
    })
  })

  test("lasts as long as the first majority that confirms it: the shortest validity of those", async () => {
    const held = (ms: number) => ({ readHold: [says(["held", ms])] })
    for (const times of [
      [5_000, 1_000, 3_000],
      [1_000, 3_000, 5_000],
      [5_000, 3_000, 1_000],
    ]) {
      const { store } = storeOf([...times.map(held), { readHold: [hangs] }, { readHold: [hangs] }])
      expect(await store.readHold(claim, 1_000)).toMatchObject({ remainingMs: 988 })
    }
  })

  test("is extended within the timeout of a vote, and checked within that of a request", async () => {
    const { store, databases } = storeOf([{ readHold: [LOOKED.h], extend: [EXTENDED.h] }])
    await store.readHold(claim, 5_000)
    await store.extend({ ...claim, ttlMs: 30_000 }, 5_000)
    expect(databases[0]?.asked.map(({ timeoutMs }) => timeoutMs)).toEqual([5_000, 3_000])
  })
})

describe("a release", () => {
  const RELEASED = {
    r: says(["released", 0]),
    t: says(["taken", 0]),
    g: says(["gone", 0]),
    f: fails({ outcome: "refused" }),
    "-": hangs,
  }

  describe.each([
    ["released", ["r", "rrr--", "rtrgr", "rr-"]],
    // Those that failed may have been the rest of the majority, and a majority is free of us.
    ["released", ["rrttf", "rrtff", "rttff", "ffggr", "rfgrt"]],
    ["taken", ["t", "ttt--", "rrttt", "rrtgt", "tg", "fftgt"]],
    ["gone", ["g", "ggg--", "rrggg", "ffggg", "gg-"]],
    // A majority may still have our vote.
    ["failed", ["f", "fff--", "rrfff", "rffrf", "ff-", "rf"]],
    // Three failures would still change the result.
    ["waits", ["-", "rr---", "rff--", "rrff-", "ttff-", "rrtt-"]],
  ])("is %s", (outcome, examples) => {
    test.each(examples)("by the replies %s", async (letters) => {
      const releasing = outcomeOf(letters, "release", RELEASED, (store) =>
        store.release(claim, 1_000),
      )
      expect(await releasing).toBe(outcome)
    })
  })

  test("that a database missed is sent again to it alone, and no one waits for that", async () => {
    const missed = { release: [fails(), says(["released", 0])] }
    const { store, counts, works } = storeOf([missed, {}, { release: [says(["gone", 0])] }, {}, {}])
    const startedAt = Date.now()
    expect(await store.release(claim, 1_000)).toBe("released")
    expect(Date.now()).toBe(startedAt)
    await vi.runAllTimersAsync()
    await Promise.all(works)
    expect(counts("release")).toEqual([2, 1, 1, 1, 1])
  })

  test("passes its background work to the waitUntil of the call, or else of the manager", async () => {
    const [own, others]: unknown[][] = [[], []]
    const waitUntil = (work: unknown) => others?.push(work)
    const { store } = storeOf([{}, {}, {}], { waitUntil })
    await store.release({ ...claim, waitUntil: (work) => own?.push(work) }, 1_000)
    expect([own?.length, others?.length]).toEqual([1, 0])
    await store.release(claim, 1_000)
    expect([own?.length, others?.length]).toEqual([1, 1])
  })
})

describe("a ttl", () => {
  test("is refused if it is longer than the quarantine, before anything is sent", async () => {
    const { store, databases } = storeOf([{ extend: [says("renewed")] }])
    const message =
      "ttl: must not exceed the quorum's quarantine (60000 ms), after which a database that lost its memory votes again, got 60001"
    expect(() => {
      store.checkTtl(60_001)
    }).toThrow(new RangeError(message))
    const extension = { ...claim, ttlMs: 60_001 }
    expect(() => store.extend(extension, 1_000)).toThrow(new RangeError(message))
    expect(databases[0]?.asked).toEqual([])
    expect(await store.extend({ ...extension, ttlMs: 60_000 }, 1_000)).toBeInstanceOf(Validity)
  })

  test("has no limit without a quarantine", () => {
    const { store } = storeOf([{}], { quarantineMs: 0 })
    expect(() => {
      store.checkTtl(86_400_000)
    }).not.toThrow()
  })
})

test("features of a single database are refused, and the message says why", async () => {
  const { store } = storeOf([{}])
  const redis: StoreRecipe = { openStore: () => store }
  const stealing = new LockManager({ redis }).request("a", { steal: true }, () => 1)
  const error = await rejection(stealing)
  expect(error).toMatchObject({ name: "NotSupportedError" })
  expect(String(error)).toContain(
    "not supported on a quorum: a majority of databases can agree on one holder, but not on several or on their order",
  )
})

/** The result of replies that arrive in this order, one letter for each database; "-" never replies. */
async function outcomeOf(
  letters: string,
  operation: string,
  replies: Readonly<Record<string, () => Promise<unknown>>>,
  ask: (store: QuorumStore) => Promise<unknown>,
): Promise<string> {
  const scripts = Array.from(letters, (letter, i) => ({
    [operation]: [after(i, replies[letter] ?? hangs)],
  }))
  let outcome = "waits"
  ask(storeOf(scripts).store).then(
    (result) => {
      outcome = result instanceof Validity ? "held" : String(result)
    },
    (error: unknown) => {
      outcome = error instanceof RedisError ? "failed" : String(error)
    },
  )
  await vi.advanceTimersByTimeAsync(letters.length)
  return outcome
}
