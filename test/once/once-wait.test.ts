// A call that waits for another call's run, step by step: its messages, and when it claims.
import { describe, expect, test, vi } from "vitest"
import { Attempts } from "../../src/acquire/attempts.js"
import { LockTimeoutError } from "../../src/index.js"
import type { Finished, Led, Running } from "../../src/once/once-requests.js"
import { waitForRun } from "../../src/once/once-wait.js"
import { RedisError } from "../../src/redis/redis-error.js"
import type { ScriptDatabase } from "../../src/redis/store.js"
import type { Listener } from "../../src/redis/transport.js"
import { REQUEST } from "../support/request.js"
import { grant } from "../support/scripted-store.js"
import { useVirtualTime } from "../support/virtual-time.js"
import { recordOf } from "./record-of.js"

/** The server's time of the first claim. */
const SINCE = 1_000_000

type Answer = Led | Running | Finished

const running = (facts: Partial<Running> = {}): Running => ({
  kind: "busy",
  holderTtlMs: 60_000,
  since: SINCE,
  channel: "fetchlock-once-a",
  ...facts,
})

const led = (): Led => ({ ...grant(30_000), old: undefined })

interface Given {
  readonly push?: boolean
  readonly canListen?: boolean
  readonly noticesEnd?: boolean
  readonly ttlMs?: number
  readonly waitMs?: number
  readonly fingerprint?: string
  readonly signal?: AbortSignal
  readonly listening?: () => Promise<unknown>
  readonly first?: Running
}

/** Starts a wait; each claim gets the next answer, the last one repeats. */
function wait(answers: readonly Answer[], given: Given = {}) {
  const { push = true, canListen = true, noticesEnd = true, listening } = given
  const { ttlMs = 30_000, waitMs = 60_000, fingerprint = "-", signal } = given
  const startedAt = Date.now()
  const asked: string[] = []
  const note = (what: string) => asked.push(`${what} at ${String(Date.now() - startedAt)}`)
  let told: Listener | undefined
  let claims = 0
  let closed = 0
  const database = {
    transport: { noticesEnd },
    canListen,
    sharesStreams: false,
    listen: async (channel: string, listener: Listener) => {
      note(`listen to ${channel}`)
      told = listener
      await listening?.()
      return { close: () => closed++ }
    },
  } as unknown as ScriptDatabase
  const attempts = new Attempts({ ...REQUEST, waitMs, signal }, undefined)
  const claim = (since: number) => {
    note(`claim ${since}`)
    return Promise.resolve(answers[Math.min(claims++, answers.length - 1)] ?? running())
  }
  const waiting = { database, attempts, push, ttlMs, timeoutMs: 1_000, signal, fingerprint, claim }
  const result = waitForRun(waiting, given.first ?? running())
  result.catch(() => undefined)
  return {
    result,
    asked,
    /** The times of its claims. */
    claims: () =>
      asked.filter((it) => it.startsWith("claim")).map((it) => Number(it.split(" at ")[1])),
    tell: (message: string) => told?.onMessage(message),
    end: () => told?.onEnd(),
    closed: () => closed,
  }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

useVirtualTime()

describe("without a stream", () => {
  test("it claims in growing steps, and with the server's time of its first claim", async () => {
    const { asked, claims } = wait([running()], { push: false })
    await pass(300)
    expect(claims()).toEqual([35, 87, 165, 283])
    expect(asked[0]).toBe(`claim ${SINCE} at 35`)
  })

  test("the same if no stream can be opened, or if it could not be", async () => {
    const cannot = wait([running()], { canListen: false })
    const failing = () => Promise.reject(new RedisError("it failed", { outcome: "unknown" }))
    const failed = wait([running()], { listening: failing })
    await pass(40)
    expect(cannot.asked).toEqual([`claim ${SINCE} at 35`])
    expect(failed.asked).toEqual(["listen to fetchlock-once-a at 0", `claim ${SINCE} at 35`])
  })

  test("its steps are never shorter than a round trip", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0)
    const { claims } = wait([running()], { push: false })
    await pass(80)
    // 17.5 would be too soon; then 26.25.
    expect(claims()).toEqual([25, 51])
  })

  test.each([
    ["2 s", 30_000, 2_000],
    ["a third of the ttl", 900, 300],
  ])("its steps are never longer than %s", async (_, ttlMs, longest) => {
    const { claims } = wait([running()], { push: false, ttlMs })
    await pass(20_000)
    const [before = 0, last = 0] = claims().slice(-2)
    expect(last - before).toBe(longest)
  })

  test("it claims as soon as the hold is over", async () => {
    const { claims } = wait([running({ holderTtlMs: 3 }), led()], {
      push: false,
      first: running({ holderTtlMs: 10 }),
    })
    await pass(100)
    expect(claims()).toEqual([11, 15])
  })

  test("it ends with its wait, after a last claim", async () => {
    const { result, claims } = wait([running()], { push: false, waitMs: 100 })
    await pass(200)
    await expect(result).rejects.toBeInstanceOf(LockTimeoutError)
    expect(claims()).toEqual([35, 87, 101])
  })
})

describe("with a stream", () => {
  const listened = ["listen to fetchlock-once-a at 0", `claim ${SINCE} at 0`]

  test("it claims once, and then for a sign of life and when the hold is over", async () => {
    const { asked, claims } = wait([running({ since: 7, holderTtlMs: 60_000 })])
    await pass(11_000)
    expect(asked).toEqual([...listened, "claim 7 at 11000"])
    const short = wait([running({ holderTtlMs: 500 }), running({ holderTtlMs: 60_000 })])
    await pass(600)
    // One millisecond after its end, and up to 50 later.
    expect(short.claims()).toEqual([0, 551])
    expect(claims()).toHaveLength(2)
  })

  test("callers claim at different times", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0)
    const long = wait([running()])
    const short = wait([running({ holderTtlMs: 500 }), running()])
    await pass(9_100)
    expect(long.claims()).toEqual([0, 9_000])
    expect(short.claims().slice(0, 2)).toEqual([0, 501])
  })

  test.each([
    ["5 s", 30_000, 5_500],
    ["a third of the ttl", 6_000, 2_200],
  ])("that may end unnoticed, it claims at least each %s", async (_, ttlMs, at) => {
    const { claims } = wait([running()], { noticesEnd: false, ttlMs })
    await pass(at)
    expect(claims()).toEqual([0, at])
  })

  test("that ends, it claims, and polls from then on", async () => {
    const { asked, end, closed } = wait([running()])
    await pass(1_000)
    end()
    await pass(100)
    expect(closed()).toBe(1)
    // The second step of a caller that polls.
    expect(asked).toEqual([...listened, `claim ${SINCE} at 1000`, `claim ${SINCE} at 1052`])
  })

  test("a result of a run that ended since its first claim is its result", async () => {
    const { result, asked, tell, closed } = wait([running()])
    await pass(10)
    tell(recordOf("1", { settledAt: SINCE }))
    const record = { kind: "v", settledAt: SINCE, fingerprint: "-", text: "1" }
    expect(await result).toEqual({ kind: "told", source: "joined", record })
    expect(asked).toEqual(listened)
    // Other callers in this process first.
    await pass(19)
    expect(closed()).toBe(0)
    await pass(1)
    expect(closed()).toBe(1)
  })

  test("a result of an earlier run changes nothing", async () => {
    const { claims, tell } = wait([running()])
    await pass(1_000)
    tell(recordOf("1", { settledAt: SINCE - 1 }))
    await pass(9_999)
    expect(claims()).toEqual([0])
    await pass(1)
    expect(claims()).toEqual([0, 11_000])
  })

  test.each([
    ["another fingerprint", recordOf("1", { fingerprint: "other", settledAt: 2 * SINCE })],
    ["no record", "a garbled message"],
    ["half a record", recordOf("1", { bytes: 2, settledAt: 2 * SINCE })],
  ])("a message with %s is followed by a claim", async (_, message) => {
    const { result, claims, tell } = wait([running(), led()], { fingerprint: "mine" })
    await pass(10)
    tell(message)
    expect(await result).toMatchObject({ kind: "granted" })
    expect(claims()).toEqual([0, 10])
  })

  test("a message with its own fingerprint has its result", async () => {
    const { result, tell } = wait([running()], { fingerprint: "mine" })
    await pass(10)
    tell(recordOf("1", { fingerprint: "mine", settledAt: 2 * SINCE }))
    expect(await result).toMatchObject({ record: { text: "1" } })
  })

  test("a caller without a fingerprint takes any", async () => {
    const { result, tell } = wait([running()])
    await pass(10)
    tell(recordOf("1", { fingerprint: "other", settledAt: 2 * SINCE }))
    expect(await result).toMatchObject({ record: { text: "1" } })
  })

  test("a run that was given up is followed by a claim within 50 ms", async () => {
    const { result, claims, tell } = wait([running(), led()])
    await pass(10)
    tell("free")
    await pass(49)
    expect(claims()).toEqual([0])
    await pass(1)
    expect(await result).toMatchObject({ kind: "granted" })
    expect(claims()).toEqual([0, 60])
  })

  test("a result that its first claim finds needs no message", async () => {
    const record = { kind: "v", settledAt: SINCE, fingerprint: "-", text: "1" } as const
    const { result, asked } = wait([{ kind: "told", source: "joined", record }])
    expect(await result).toMatchObject({ record })
    expect(asked).toEqual(listened)
  })

  test("it ends with its wait, and with its signal", async () => {
    const { result, claims, closed } = wait([running()], { waitMs: 1_000 })
    const controller = new AbortController()
    const aborted = wait([running()], { signal: controller.signal })
    await pass(500)
    controller.abort("enough")
    await expect(aborted.result).rejects.toBe("enough")
    await pass(600)
    await expect(result).rejects.toBeInstanceOf(LockTimeoutError)
    expect(claims()).toEqual([0, 1_001])
    expect([closed(), aborted.closed()]).toEqual([1, 1])
  })
})
