// The queue of one database: the requests of a waiter, and the meaning of the messages to it.
import { expect, test, vi } from "vitest"
import { RedisError } from "../../src/redis/redis-error.js"
import type { Listener, Transport } from "../../src/redis/transport.js"
import { Database } from "../../src/redis/database.js"
import { SingleQueue } from "../../src/redis/queue.js"
import type { Notice, Waiter } from "../../src/redis/store.js"
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

const request = { name: "n", token: "t", ttlMs: 30_000, fencing: false, limit: undefined }

test("the waiters of a manager share a channel where requests may share a connection", () => {
  const queue = queueOf({})
  const [first = "", second = ""] = [1, 2].map(() => queue.waiter(request, true, undefined).address)
  const [channel = "", number] = first.split(".")
  expect(channel).toMatch(/^fetchlock-/)
  expect([number, second]).toEqual(["1", `${channel}.2`])
  expect(queue.waiter(request, true, "own").address).toBe("own")
  expect(queue.waiter(request, false, "own").address).toBeUndefined()
})

test("each waiter has a channel of its own where a connection belongs to a request", () => {
  vi.stubGlobal("WebSocketPair", () => undefined)
  const queue = queueOf({})
  vi.unstubAllGlobals()
  const [first = "", second = ""] = [1, 2].map(() => queue.waiter(request, true, undefined).address)
  expect(first).not.toBe(second)
  expect(`${first}${second}`).not.toContain(".")
})

test("a lease lasts until a waiter has checked twice, by how it learns of its grant, and at most the ttl", () => {
  const lease = (noticesEnd: boolean, push: boolean, ttlMs: number) =>
    queueOf({ noticesEnd }).waiter({ ...request, ttlMs }, push, undefined).leaseMs
  expect([lease(true, true, 30_000), lease(false, true, 30_000)]).toEqual([3_000, 11_000])
  expect([lease(true, false, 30_000), lease(true, true, 700.5)]).toEqual([5_000, 701])
})

test("of sixteen first requests one checks the queue; one for a fencing token always does", async () => {
  const { queue, sent } = answering(QUEUED)
  for (let n = 0; n < 32; n++) await queue.enqueue(waiter, undefined, 700)
  const actions = sent.map((args) => (args as unknown[])[3])
  expect(actions.flatMap((action, n) => (action === "enqueue" ? [n] : []))).toEqual([15, 31])
  const fenced = answering(QUEUED)
  await fenced.queue.enqueue({ ...waiter, fencing: true }, undefined, 700)
  expect(fenced.sent[0]).toContain("enqueue")
})

test("a grant to a newcomer had no waiters, and is a lease only if it is as short as one", async () => {
  const grantOf = (leftMs: number, facts: Partial<Waiter> = {}) =>
    answering(["granted", leftMs, "", "", -1, "17", 0]).queue.enqueue(
      { ...waiter, ...facts },
      undefined,
      700,
    )
  expect(await grantOf(30_000)).toMatchObject({ isLease: false, isUncontended: true })
  expect(await grantOf(20_000)).toMatchObject({ isLease: false, isUncontended: true })
  expect(await grantOf(2_900)).toMatchObject({ isLease: true, isUncontended: true })
  expect(await grantOf(30_000, { limit: 2 })).toMatchObject({ isUncontended: false })
})

test("a grant to a waiter may have waiters behind it", async () => {
  const { queue } = answering(["granted", 20_000, "", "", -1, "17", 0])
  const grant = await queue.enqueue(waiter, "17", 700)
  expect(grant).toMatchObject({ kind: "granted", isLease: true })
  expect(grant).not.toHaveProperty("isUncontended")
})

test.each([
  [["held", 500], undefined],
  [["taken", 500], 500],
  [["taken", -1], Infinity],
  [["gone", -2], 0],
])("a look that returns %j has the holder's time left: %j", async (reply, left) => {
  const { queue, sent } = answering(reply)
  expect(await queue.look(waiter, 700)).toBe(left)
  expect(sent).toEqual([["lock:a", "fl_a_b", 700]])
})

test("it listens once the shared stream of its mailboxes is open", async () => {
  const queue = queueOf({ subscribe: () => Promise.resolve({ close: () => undefined }) })
  expect(queue.isListening).toBe(false)
  const mailbox = queue.mailbox("c.1", () => undefined)
  await mailbox.open(700, () => undefined)
  expect(queue.isListening).toBe(true)
  expect(queue.mailbox("c.2", () => undefined).isOpen).toBe(true)
})
