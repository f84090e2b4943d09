// The requests of one database for a hold, and the replies that it accepts: only those that the script can return.
import { describe, expect, test, vi } from "vitest"
import * as scripts from "../../src/redis/lua/scripts.js"
import { RedisError } from "../../src/redis/redis-error.js"
import type { Transport } from "../../src/redis/transport.js"
import { Database } from "../../src/redis/database.js"
import { SingleStore } from "../../src/redis/single-store.js"
import type { Grant } from "../../src/redis/store.js"
import { Validity } from "../../src/time/validity.js"
import { rejection } from "../support/outcomes.js"
import { withEcho } from "../support/with-echo.js"
import { LOCK_REQUEST } from "../support/request.js"
import { useVirtualTime } from "../support/virtual-time.js"

const claim = { name: "a", token: "fl_a_b", waitUntil: () => undefined }
const request = { ...LOCK_REQUEST, ...claim }

function answering(reply: unknown, { isUpstash = false } = {}) {
  const sent: (readonly string[])[] = []
  const transport = {
    noticesEnd: true,
    evaluate: withEcho((_, __, args) => {
      sent.push(args)
      return Promise.resolve(reply)
    }),
  }
  const database = new Database(transport as unknown as Transport, "lock:", isUpstash)
  return { store: new SingleStore(database), sent }
}

const calls = {
  tryAcquire: ({ store }) => store.tryAcquire(request, 100),
  "tryAcquire with fencing": ({ store }) => store.tryAcquire({ ...request, fencing: true }, 100),
  steal: ({ store }) => store.steal(request, "", 100),
  readHold: ({ store }) => store.readHold(claim, 100),
  extend: ({ store }) => store.extend({ ...claim, ttlMs: 1_000 }, 100),
  release: ({ store }) => store.release(claim, 100),
  inspect: ({ store }) => store.inspect("a", 100),
} satisfies Record<string, (of: ReturnType<typeof answering>) => Promise<unknown>>

describe.each(Object.entries(calls))("the operation %s", (_, call) => {
  test.each([null, "OK", 7, [], ["queued", 1, "", 0, 0, "17", 0], ["else", 1], [["renewed"]]])(
    "rejects the invalid reply %j",
    async (reply) => {
      const error = await rejection(call(answering(reply)))
      expect(error).toBeInstanceOf(RedisError)
      expect(error).toMatchObject({ outcome: "unknown" })
    },
  )
})

test("a lock that was free may be released in the cheaper way, a permit may not", async () => {
  const claimed = answering(["granted", 30_000])
  expect(await claimed.store.tryAcquire(request, 100)).toMatchObject({ isUncontended: true })
  const granted = answering(["granted", 30_000, "", 0, 0, "", 0])
  const shared = { ...request, limit: 3 }
  expect(await granted.store.tryAcquire(shared, 100)).toMatchObject({ isUncontended: false })
})

test("a release tries DELEX on Upstash, for a hold without waiters, until DELEX is refused once", async () => {
  const uncontended = { ...claim, isUncontended: true }
  const upstash = answering(["released", 0], { isUpstash: true })
  await upstash.store.release(uncontended, 100)
  await upstash.store.release(claim, 100)
  await upstash.store.release(uncontended, 100)
  expect(upstash.sent.map((args) => args[2])).toEqual(["1", "0", "1"])
  const lacking = answering(["released", 1], { isUpstash: true })
  await lacking.store.release(uncontended, 100)
  await lacking.store.release(uncontended, 100)
  expect(lacking.sent.map((args) => args[2])).toEqual(["1", "0"])
  const other = answering(["released", 0])
  await other.store.release(uncontended, 100)
  expect(other.sent).toEqual([["fl_a_b", "", "0"]])
})

describe("the request", () => {
  test("of an extension has the token and the ttl", async () => {
    const { store, sent } = answering("gone")
    expect(await store.extend({ ...claim, ttlMs: 500 }, 100)).toBe("gone")
    expect(sent).toEqual([["fl_a_b", "500"]])
  })

  /** Records each request: its script, its first key, its arguments and its timeout. */
  function noting(reply: unknown) {
    const sent: unknown[] = []
    const evaluate = withEcho((text, [key], args, timeoutMs) => {
      const [script] = Object.entries(scripts).find(([, lua]) => text.includes(lua)) ?? []
      sent.push([script, key, ...args, timeoutMs])
      return Promise.resolve(reply)
    })
    const database = new Database({ evaluate } as Transport, "lock:", false)
    return { store: new SingleStore(database), sent }
  }
  const GRANTED = ["granted", 30_000, "7", 0, 0, "", 0]

  test("for an exclusive lock without a fencing token is a claim", async () => {
    const { store, sent } = noting(["granted", 30_000])
    expect(await store.tryAcquire(request, 100)).toMatchObject({
      kind: "granted",
      isLease: false,
    })
    expect(sent).toEqual([["claim", "lock:a", "fl_a_b", "30000", 100]])
    expect(await noting(["busy"]).store.tryAcquire(request, 100)).toEqual({
      kind: "busy",
      holderTtlMs: undefined,
    })
  })

  test("for one claim in sixteen uses the script that respects the queue, without entering it", async () => {
    const { store, sent } = noting(GRANTED)
    for (let i = 0; i < 48; i++) {
      const grant = await store.tryAcquire(request, 100)
      expect(grant).toMatchObject({ kind: "granted", isUncontended: true, isLease: false })
    }
    const looks = sent.flatMap((request, i) =>
      (request as unknown[])[0] === "acquire" ? [i + 1] : [],
    )
    expect(looks).toEqual([16, 32, 48])
    const entry = "fl_a_b - 30000 0 x"
    expect(sent[15]).toEqual(["acquire", "lock:a", entry, "30000", "try", "", 100])
  })

  test("for a fencing token or a permit uses the script that respects the queue, without entering it", async () => {
    const fenced = noting(GRANTED)
    const grant = await fenced.store.tryAcquire({ ...request, fencing: true }, 100)
    expect(grant).toMatchObject({ kind: "granted", fencingToken: 7 })
    const shared = noting(GRANTED)
    await shared.store.tryAcquire({ ...request, limit: 3 }, 100)
    const script = (entry: string) => [["acquire", "lock:a", entry, "30000", "try", "", 100]]
    expect(fenced.sent).toEqual(script("fl_a_b - 30000 1 x"))
    expect(shared.sent).toEqual(script("fl_a_b - 30000 0 3"))
  })

  test("of a steal names the value that it has found, and whether it wants a fencing token", async () => {
    const { store, sent } = noting(["granted", 30_000, "7"])
    const stealRequest = { ...request, fencing: true }
    expect(await store.steal(stealRequest, "digest", 100)).toMatchObject({ fencingToken: 7 })
    await store.steal(request, "", 100)
    expect(sent).toEqual([
      ["steal", "lock:a", "fl_a_b", "30000", "digest", "1", 100],
      ["steal", "lock:a", "fl_a_b", "30000", "", "0", 100],
    ])
  })

  test("of a release leaves no queue, because its caller stands in none", async () => {
    const { store, sent } = noting(["released", 0])
    await store.release(claim, 100)
    expect(sent).toEqual([["release", "lock:a", "fl_a_b", "", "0", 100]])
  })

  test("of a check names the token, of an inspection no one, and of a snapshot its limit", async () => {
    const looking = noting(["gone", -2])
    await looking.store.readHold(claim, 100)
    expect(looking.sent).toEqual([["readHold", "lock:a", "fl_a_b", 100]])
    const inspecting = noting([-2, 0])
    await inspecting.store.inspect("a", 100)
    expect(inspecting.sent).toEqual([["inspect", "lock:a", 100]])
    const snapping = noting([[], []])
    await snapping.store.snapshot(["a"], 9, 100)
    expect(snapping.sent).toMatchObject([["snapshot", "lock:a", expect.any(String), "9", 100]])
  })
})

describe("the reply", () => {
  useVirtualTime()

  test("for a hold that the token has already, with less than its ttl left, is not a lease", async () => {
    const fenced = answering(["granted", 12_000, "7", 0, 0, "", 0])
    const again = fenced.store.tryAcquire({ ...request, fencing: true }, 100)
    expect(await again).toMatchObject({ kind: "granted", isLease: false })
    const { store } = answering(["granted", 12_000])
    const claimed = await store.tryAcquire(request, 100)
    expect(claimed).toMatchObject({ kind: "granted", isLease: false })
    expect((claimed as Grant).validity.remainingMs).toBe(12_000 - 122)
  })

  test("to a claim is never valid for longer than requested", async () => {
    const { store } = answering(["granted", 90_000])
    const claimed = (await store.tryAcquire(request, 100)) as Grant
    expect(claimed.validity.remainingMs).toBe(30_000 - 302)
  })

  test("of a refusal contains the holder's remaining time", async () => {
    const { store } = answering(["busy", 500, "", 0, 0, "", 0])
    expect(await store.tryAcquire({ ...request, fencing: true }, 100)).toEqual({
      kind: "busy",
      holderTtlMs: 500,
    })
  })

  test.for([
    [-2, undefined],
    [-1, Infinity],
    [0, 0],
    [700, 700],
  ] as const)("to an inspection with %i ms means %s", async ([ms, leftMs]) => {
    expect(await answering([ms, 4]).store.inspect("a", 100)).toEqual({ leftMs, waiting: 4 })
  })

  test("to a check says how long the hold lasts, or how it ended", async () => {
    const held = await answering(["held", 1_000]).store.readHold(claim, 100)
    expect((held as Validity).remainingMs).toBe(1_000 - 12)
    expect(await answering(["taken", 0]).store.readHold(claim, 100)).toBe("taken")
    expect(await answering(["gone", 0]).store.readHold(claim, 100)).toBe("gone")
  })

  test("to an extension says how the hold ended, if it has", async () => {
    for (const end of ["taken", "gone", "stolen"])
      expect(await calls.extend(answering(end))).toBe(end)
  })

  test("to a release says who held the lock", async () => {
    for (const end of ["released", "taken", "gone"]) {
      expect(await calls.release(answering([end, 0]))).toBe(end)
    }
  })

  test("of a grant counts from its request, and not from its arrival", async () => {
    const slowly = (reply: unknown) => {
      const answer = () => new Promise((resolve) => setTimeout(resolve, 400, reply))
      const transport = { evaluate: withEcho(answer) } as unknown as Transport
      return new SingleStore(new Database(transport, "lock:", false))
    }
    const asked = [
      slowly(["granted", 1_000]).tryAcquire({ ...request, ttlMs: 1_000 }, 900),
      slowly(["granted", 1_000, "7", 0, 0, "", 0]).tryAcquire(
        { ...request, ttlMs: 1_000, fencing: true },
        900,
      ),
      slowly(["granted", 1_000, ""]).steal({ ...request, ttlMs: 1_000 }, "", 900),
      slowly(["held", 1_000]).readHold(claim, 900),
      slowly("renewed").extend({ ...claim, ttlMs: 1_000 }, 900),
    ]
    await vi.advanceTimersByTimeAsync(400)
    for (const answer of await Promise.all(asked)) {
      const validity = typeof answer === "object" && "validity" in answer ? answer.validity : answer
      expect((validity as Validity).remainingMs).toBe(600 - 12)
    }
  })
})
