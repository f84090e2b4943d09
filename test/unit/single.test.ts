// What one database sends for a hold, and what it takes for an answer: nothing but what the script can say.
import { describe, expect, test, vi } from "vitest"
import * as scripts from "../../src/lua/scripts.js"
import { RestError } from "../../src/rest/rest-error.js"
import type { Transport } from "../../src/rest/transport.js"
import { Database } from "../../src/store/database.js"
import { SingleStore } from "../../src/store/single.js"
import { Validity } from "../../src/validity.js"
import { rejection } from "../support/outcomes.js"
import { TAKE_REQUEST } from "../support/request.js"
import { useVirtualTime } from "../support/virtual-time.js"

const claim = { name: "a", token: "fl_a_b", waitUntil: () => undefined }
const request = { ...TAKE_REQUEST, ...claim }

function answering(reply: unknown) {
  const sent: (readonly string[])[] = []
  const transport = {
    mayResend: false,
    noticesEnd: true,
    setIfAbsent: () => Promise.resolve(reply),
    evaluate: (_: string, __: readonly string[], args: readonly string[]) => {
      sent.push(args)
      return Promise.resolve(reply)
    },
  }
  const database = new Database(transport as unknown as Transport, "lock:", false)
  return { store: new SingleStore(database, false), sent }
}

const calls = {
  retake: ({ store }) => store.retake(request, 100),
  steal: ({ store }) => store.steal(request, "", 100),
  look: ({ store }) => store.look(claim, 100),
  extend: ({ store }) => store.extend({ ...claim, ttlMs: 1_000, mayBeShortened: false }, 100),
  release: ({ store }) => store.release(claim, 100),
  inspect: ({ store }) => store.inspect("a", 100),
} satisfies Record<string, (of: ReturnType<typeof answering>) => Promise<unknown>>

describe.each(Object.entries(calls))("%s", (_, call) => {
  test.each([null, "OK", 7, [], ["queued", 1, "", 0, 0, "17", 0], ["else", 1], [["renewed"]]])(
    "takes %j for no answer",
    async (reply) => {
      const error = await rejection(call(answering(reply)))
      expect(error).toBeInstanceOf(RestError)
      expect(error).toMatchObject({ outcome: "unknown" })
    },
  )
})

test("a plain grant may be extended and released by one command, a permit may not", async () => {
  expect(await answering(true).store.take(request, 100)).toMatchObject({ isPlain: true })
  const granted = ["granted", 30_000, "", 0, 0, "", 0]
  expect(await answering(granted).store.retake(request, 100)).toMatchObject({ isPlain: true })
  const shared = { ...request, limit: 3 }
  expect(await answering(granted).store.retake(shared, 100)).toMatchObject({ isPlain: false })
})

test("an extension says whether a late SET may shorten the hold", async () => {
  for (const [mayBeShortened, told] of [
    [true, "1"],
    [false, "0"],
  ] as const) {
    const { store, sent } = answering("renewed")
    await store.extend({ ...claim, ttlMs: 1_000, mayBeShortened }, 100)
    expect(sent).toEqual([["fl_a_b", "1000", told]])
  }
})

describe("what is sent", () => {
  /** Notes each request: its script, its first key, its arguments and its time. */
  function noting(reply: unknown) {
    const sent: unknown[] = []
    const transport: Pick<Transport, "setIfAbsent" | "evaluate"> = {
      setIfAbsent: (...what) => {
        sent.push(["SET", ...what])
        return Promise.resolve(reply === true)
      },
      evaluate: (text, [key], args, timeoutMs) => {
        const [script] = Object.entries(scripts).find(([, lua]) => text.endsWith(lua)) ?? []
        sent.push([script, key, ...args, timeoutMs])
        return Promise.resolve(reply)
      },
    }
    const database = new Database(transport as Transport, "lock:", false)
    return { store: new SingleStore(database, false), sent }
  }
  const GRANTED = ["granted", 30_000, "7", 0, 0, "", 0]

  test("a lock alone, without a fencing token, is one SET; what it is refused by is not known", async () => {
    const { store, sent } = noting(true)
    expect(await store.take(request, 100)).toMatchObject({ kind: "granted", isLease: false })
    expect(sent).toEqual([["SET", "lock:a", "fl_a_b", 30_000, 100]])
    expect(await noting(false).store.take(request, 100)).toEqual({
      kind: "busy",
      holderTtlMs: undefined,
    })
  })

  test("a fencing token, a permit, and a second look take the script, which enters no queue", async () => {
    const fenced = noting(GRANTED)
    const grant = await fenced.store.take({ ...request, fencing: true }, 100)
    expect(grant).toMatchObject({ kind: "granted", fencingToken: 7 })
    const shared = noting(GRANTED)
    await shared.store.take({ ...request, limit: 3 }, 100)
    const again = noting(GRANTED)
    await again.store.retake(request, 100)
    const script = (entry: string) => [["acquire", "lock:a", entry, "30000", "try", "", 100]]
    expect(fenced.sent).toEqual(script("fl_a_b - 30000 1 x"))
    expect(shared.sent).toEqual(script("fl_a_b - 30000 0 3"))
    expect(again.sent).toEqual(script("fl_a_b - 30000 0 x"))
  })

  test("a theft names what it has found, and whether it wants a fencing token", async () => {
    const { store, sent } = noting(["granted", 30_000, "7"])
    const robbing = { ...request, fencing: true }
    expect(await store.steal(robbing, "digest", 100)).toMatchObject({ fencingToken: 7 })
    await store.steal(request, "", 100)
    expect(sent).toEqual([
      ["steal", "lock:a", "fl_a_b", "30000", "digest", "1", 100],
      ["steal", "lock:a", "fl_a_b", "30000", "", "0", 100],
    ])
  })

  test("a release leaves no queue, since it stands in none", async () => {
    const { store, sent } = noting(["released"])
    await store.release(claim, 100)
    expect(sent).toEqual([["release", "lock:a", "fl_a_b", "", 100]])
  })

  test("a look names the token, an inspection nobody, and a snapshot how many it wants", async () => {
    const looking = noting(["gone"])
    await looking.store.look(claim, 100)
    expect(looking.sent).toEqual([["look", "lock:a", "fl_a_b", 100]])
    const inspecting = noting([-2, 0])
    await inspecting.store.inspect("a", 100)
    expect(inspecting.sent).toEqual([["inspect", "lock:a", 100]])
    const snapping = noting([[], []])
    await snapping.store.snapshot(["a"], 9, 100)
    expect(snapping.sent).toMatchObject([["snapshot", "lock:a", expect.any(String), "9", 100]])
  })
})

describe("what is answered", () => {
  useVirtualTime()

  test("a hold that the token has already, with less than its ttl left, is no lease", async () => {
    const { store } = answering(["granted", 12_000, "", 0, 0, "", 0])
    expect(await store.retake(request, 100)).toMatchObject({ kind: "granted", isLease: false })
  })

  test("a refusal by the script says what the holder has left", async () => {
    const { store } = answering(["busy", 500, "", 0, 0, "", 0])
    expect(await store.retake(request, 100)).toEqual({ kind: "busy", holderTtlMs: 500 })
  })

  test.for([
    [-2, undefined],
    [-1, Infinity],
    [0, 0],
    [700, 700],
  ] as const)("an inspection that says %i ms means %s", async ([ms, leftMs]) => {
    expect(await answering([ms, 4]).store.inspect("a", 100)).toEqual({ leftMs, waiting: 4 })
  })

  test("a look says how long the hold lasts, or what became of it", async () => {
    const held = await answering(["held", 1_000]).store.look(claim, 100)
    expect((held as Validity).remainingMs).toBe(1_000 - 12)
    expect(await answering(["taken", 0]).store.look(claim, 100)).toBe("taken")
    expect(await answering(["gone", 0]).store.look(claim, 100)).toBe("gone")
  })

  test("an extension says how the hold ended where it did", async () => {
    for (const end of ["taken", "gone", "stolen"])
      expect(await calls.extend(answering(end))).toBe(end)
  })

  test("a release says whose the lock was", async () => {
    for (const end of ["released", "taken", "gone"]) {
      expect(await calls.release(answering([end]))).toBe(end)
    }
  })

  test("whatever is granted counts from when it was asked for, and not from the answer", async () => {
    const slowly = (reply: unknown) => {
      const answer = () => new Promise((resolve) => setTimeout(resolve, 400, reply))
      const transport = { setIfAbsent: answer, evaluate: answer } as unknown as Transport
      return new SingleStore(new Database(transport, "lock:", false), false)
    }
    const asked = [
      slowly(true).take({ ...request, ttlMs: 1_000 }, 900),
      slowly(["granted", 1_000, "", 0, 0, "", 0]).retake({ ...request, ttlMs: 1_000 }, 900),
      slowly(["granted", 1_000, ""]).steal({ ...request, ttlMs: 1_000 }, "", 900),
      slowly(["held", 1_000]).look(claim, 900),
      slowly("renewed").extend({ ...claim, ttlMs: 1_000, mayBeShortened: false }, 900),
    ]
    await vi.advanceTimersByTimeAsync(400)
    for (const answer of await Promise.all(asked)) {
      const validity = typeof answer === "object" && "validity" in answer ? answer.validity : answer
      expect((validity as Validity).remainingMs).toBe(600 - 12)
    }
  })
})
