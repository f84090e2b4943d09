// The requests of a call of `once`: what is sent, and how each reply is read.
import { describe, expect, test } from "vitest"
import { OnceAttemptsError, OnceMismatchError } from "../../src/once/index.js"
import { OnceRequests } from "../../src/once/once-requests.js"
import { RedisError } from "../../src/redis/redis-error.js"
import type { ScriptDatabase } from "../../src/redis/store.js"
import { recordOf } from "./record-of.js"

const CLAIM = {
  name: "a",
  token: "fl_a_b",
  ttlMs: 30_000,
  fencing: false,
  fingerprint: "-",
  attempts: 3,
  staleMs: 0,
  rememberCrashesMs: 60_000,
}

/** Requests to a database that always replies the same. */
function replying(reply: unknown, claim: Partial<typeof CLAIM> = {}) {
  const sent: (readonly string[])[] = []
  const database = {
    prefix: "lock:",
    run: (_: string, __: unknown, args: readonly string[]) => {
      sent.push(args)
      return Promise.resolve(reply)
    },
    runPublishing: (_: string, __: unknown, args: readonly string[]) => {
      sent.push(args)
      return Promise.resolve([reply])
    },
  } as unknown as ScriptDatabase
  return { sent, requests: new OnceRequests(database, { ...CLAIM, ...claim }) }
}

describe("a claim", () => {
  test("sends what it wants, and the time of the first claim", async () => {
    const { sent, requests } = replying(["lead", 30_000, 7, ""], {
      fencing: true,
      attempts: Infinity,
    })
    await requests.claim(undefined, 1_000)
    await requests.claim(12, 1_000)
    const rest = ["1", "-", String(Number.MAX_SAFE_INTEGER), "0", "60000"]
    expect(sent).toEqual([
      ["fl_a_b", "30000", "", ...rest],
      ["fl_a_b", "30000", "12", ...rest],
    ])
  })

  test("that leads has a hold for as long as the database says, and at most for its ttl", async () => {
    const lead = async (leftMs: number) => {
      const led = await replying(["lead", leftMs, "", ""]).requests.claim(undefined, 1_000)
      expect(led).toMatchObject({ kind: "granted", isLease: false, old: undefined })
      if (led.kind !== "granted") throw new Error("it does not lead")
      expect(led.fencingToken).toBeUndefined()
      return led.validity.remainingMs
    }
    const short = await lead(5_000)
    expect(short).toBeGreaterThan(4_000)
    expect(short).toBeLessThan(5_000)
    const long = await lead(90_000)
    expect(long).toBeGreaterThan(29_000)
    expect(long).toBeLessThan(30_000)
  })

  test("that leads gets its fencing token and the old value", async () => {
    const { requests } = replying(["lead", 30_000, 7, recordOf("1")], { fencing: true })
    const old = { kind: "v", settledAt: 1_000_000, fingerprint: "-", text: "1" }
    expect(await requests.claim(undefined, 1_000)).toMatchObject({ fencingToken: 7, old })
  })

  test.each([
    ["done", undefined, "remembered"],
    ["done", 12, "joined"],
    ["old", undefined, "stale"],
    ["old", 12, "stale"],
  ])(
    "that finds a result (%s, since %s) says where it comes from: %s",
    async (kind, since, source) => {
      const { requests } = replying([kind, recordOf("1")])
      const record = { kind: "v", settledAt: 1_000_000, fingerprint: "-", text: "1" }
      expect(await requests.claim(since, 1_000)).toEqual({ kind: "told", source, record })
    },
  )

  test("that finds a run learns how long it may last, and where its result will be", async () => {
    const { requests } = replying(["running", 500, 12, "channel"])
    const found = { kind: "busy", holderTtlMs: 500, since: 12, channel: "channel" }
    expect(await requests.claim(undefined, 1_000)).toEqual(found)
  })

  test("that is refused throws an error of its own", async () => {
    const mismatch = replying(["mismatch"]).requests.claim(undefined, 1_000)
    await expect(mismatch).rejects.toThrow(new OnceMismatchError("a"))
    const exhausted = replying(["exhausted", 3]).requests.claim(undefined, 1_000)
    await expect(exhausted).rejects.toThrow(new OnceAttemptsError("a", 3))
  })

  test.each([
    [null],
    [12],
    ["done"],
    [[]],
    [["ready"]],
    [["done", "no record"]],
    [["lead", "soon", "", ""]],
    [["lead", 30_000, "", "no record"]],
    [["running", 500, 12]],
    [["exhausted", "often"]],
  ])("does not believe another reply: %j", async (reply) => {
    const { requests } = replying(reply)
    await expect(requests.claim(undefined, 1_000)).rejects.toBeInstanceOf(RedisError)
  })
})

describe("a release", () => {
  test("gives the run up unless there is a result", async () => {
    const { sent, requests } = replying("released")
    expect(await requests.release(undefined, 1_000)).toBe("released")
    expect(requests.result).toBe("released")
    expect(sent).toEqual([["fl_a_b", "", "-", "0", "0", "0", "1", ""]])
  })

  test("sends the result, its size, and whether a message can carry it", async () => {
    const { sent, requests } = replying("taken", { fingerprint: "f" })
    const times = { freshMs: 1_000, keptMs: 31_000 }
    requests.settlement = { kind: "v", ...times, text: "ä" }
    expect(await requests.release(undefined, 1_000)).toBe("taken")
    requests.settlement = { kind: "e", ...times, text: "two\nlines" }
    await requests.release(undefined, 1_000)
    expect(sent).toEqual([
      ["fl_a_b", "v", "f", "1000", "31000", "2", "1", "ä"],
      ["fl_a_b", "e", "f", "1000", "31000", "9", "0", "two\nlines"],
    ])
  })
})
