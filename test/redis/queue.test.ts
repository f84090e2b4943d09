// The queue of one database: the requests of a waiter, and the meaning of the messages to it.
import { expect, test, vi } from "vitest"
import { RedisError } from "../../src/redis/redis-error.js"
import type { Listener, Transport } from "../../src/redis/transport.js"
import { Database } from "../../src/redis/database.js"
import { SingleQueue } from "../../src/redis/queue.js"
import type { Notice } from "../../src/redis/store.js"
import { rejection } from "../support/outcomes.js"
import { withEcho } from "../support/with-echo.js"

const waiter = {
  ...{ name: "a", token: "fl_a_b", ttlMs: 30_000, fencing: false, limit: undefined },
  ...{ address: "c", leaseMs: 3_000 },
}
const QUEUED = ["queued", 500, "", "1", 0, "17", 0]

function queueOf(parts: Partial<Transport>) {
  const transport = { noticesEnd: true, ...parts } as Transport
  return new SingleQueue(new Database(transport, "lock:", false))
}

/** Replies to each script in turn, and records its arguments and its timeout. */
function answering(reply: unknown) {
  const sent: unknown[] = []
  const queue = queueOf({
    evaluate: withEcho((_, keys, args, timeoutMs) => {
      sent.push([keys[0], ...args, timeoutMs])
      return Promise.resolve(reply)
    }),
  })
  return { queue, sent }
}

test("a newcomer claims, and enters the queue if it must; a waiter enqueues with its old ticket", async () => {
  const { queue, sent } = answering(QUEUED)
  await queue.enqueue(waiter, undefined, 700)
  await queue.enqueue(waiter, "17", 700)
  const entry = "fl_a_b c 3000 0 x"
  expect(sent).toEqual([
    ["lock:a", entry, "30000", "claim", "", 700],
    ["lock:a", entry, "30000", "enqueue", "17", 700],
  ])
})

test("a waiter checks, and leaves, under its entry", async () => {
  const checking = answering(QUEUED)
  expect(await checking.queue.check(waiter, "17", 700)).toMatchObject({ ticket: "17" })
  expect(checking.sent).toEqual([["lock:a", "fl_a_b c 3000 0 x", "30000", "check", "17", 700]])
  const leaving = answering(["taken", 0])
  await leaving.queue.leave(waiter, 700)
  expect(leaving.sent).toEqual([["lock:a", "fl_a_b", "fl_a_b c 3000 0 x", "0", 700]])
})

test("an enqueue must be answered with a place: any other reply is invalid", async () => {
  const { queue } = answering(["busy", 500, "", "", -1, "", 0])
  expect(await rejection(queue.enqueue(waiter, "", 700))).toBeInstanceOf(RedisError)
})

test("a message is passed on with its content; garbage, and the end of the stream, as the end", async () => {
  let listener: Listener | undefined
  const queue = queueOf({
    subscribe: (_, given) => {
      listener = given
      return Promise.resolve({ close: () => undefined })
    },
  })
  const notices: Notice[] = []
  await queue.listen("c", (notice) => notices.push(notice), 700)
  listener?.onMessage("next 500")
  listener?.onMessage("rubbish")
  listener?.onEnd()
  expect(notices).toEqual([{ kind: "next", leaseMs: 500 }, { kind: "end" }, { kind: "end" }])
})

test("a database that refuses streams is not asked for one again; a failing one is", async () => {
  for (const [failure, canListen] of [
    [new RedisError("no streams", { outcome: "refused" }), false],
    [new RedisError("lost", { outcome: "unknown" }), true],
    [new TypeError("ours"), true],
  ] as const) {
    const queue = queueOf({ subscribe: () => Promise.reject(failure) })
    const request = { name: "n", token: "t", ttlMs: 1, fencing: false, limit: undefined }
    const isToListen = () => queue.waiter(request, true, undefined).address !== undefined
    expect(isToListen()).toBe(true)
    expect(await rejection(queue.listen("c", () => undefined, 700))).toBe(failure)
    expect(isToListen()).toBe(canListen)
  }
})

test.each([
  ["where each belongs to the request that opened it", 4, { WebSocketPair: () => undefined }],
  ["where requests may share a connection", 100, {}],
])("streams are bounded %s: a holder must find a free connection", async (_, most, globals) => {
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
  const listeners: Listener[] = []
  const queue = queueOf({
    subscribe: (_, given) => {
      listeners.push(given)
      return Promise.resolve({ close: () => undefined })
    },
  })
  vi.unstubAllGlobals()
  const listen = () => queue.listen("c", () => undefined, 700)
  const request = { name: "n", token: "t", ttlMs: 1, fencing: false, limit: undefined }
  const isToListen = () => queue.waiter(request, true, undefined).address !== undefined
  const streams = await Promise.all(Array.from({ length: most }, listen))
  expect(isToListen()).toBe(false)
  await expect(listen()).rejects.toThrow("too many streams are open")
  expect(listeners).toHaveLength(most)
  // Closed twice, it counts once; one that has ended counts no more either.
  streams[0]?.close()
  streams[0]?.close()
  listeners[1]?.onEnd()
  streams[1]?.close()
  expect(isToListen()).toBe(true)
  await Promise.all([listen(), listen()])
  await expect(listen()).rejects.toThrow("too many streams are open")
})

test("a stream that could not be opened does not count", async () => {
  const queue = queueOf({ subscribe: () => Promise.reject(new TypeError("ours")) })
  for (let n = 0; n < 101; n++) {
    await expect(queue.listen("c", () => undefined, 700)).rejects.toThrow("ours")
  }
})
