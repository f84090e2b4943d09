// What one database sends for a hold, and what it takes for an answer: nothing but what the script can say.
import { describe, expect, test } from "vitest"
import { RestError } from "../../src/rest/rest-error.js"
import type { Transport } from "../../src/rest/transport.js"
import { Database } from "../../src/store/database.js"
import { SingleStore } from "../../src/store/single.js"
import { rejection } from "../support/outcomes.js"

const claim = { name: "a", token: "fl_a_b", waitUntil: () => undefined }
const request = { ...claim, ttlMs: 30_000, fencing: false, limit: undefined }

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
  look: ({ store }) => store.look(claim, 100),
  extend: ({ store }) => store.extend({ ...claim, ttlMs: 1_000, mayBeShortened: false }, 100),
  release: ({ store }) => store.release(claim, 100),
  inspect: ({ store }) => store.inspect("a", 100),
} satisfies Record<string, (of: ReturnType<typeof answering>) => Promise<unknown>>

describe.each(Object.entries(calls))("%s", (_, call) => {
  test.each([null, "OK", 7, [], ["queued", 1, "", 0, 0, "", 0], ["else", 1], [["renewed"]]])(
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
