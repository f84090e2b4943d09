// Mailboxes: messages reach the right waiter, streams are few, and their end is noticed by all who share them.
import { expect, test, vi } from "vitest"
import { type StreamSource, Mailboxes } from "../../src/redis/mailbox.js"
import { RedisError } from "../../src/redis/redis-error.js"
import type { Listener } from "../../src/redis/transport.js"
import { freeze, useVirtualTime } from "../support/virtual-time.js"

useVirtualTime()

const TIMEOUT_MS = 500
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** A database whose streams open at once, unless a test says otherwise, and are in the hands of the test. */
function source() {
  const streams: { channel: string; listener: Listener; isOpen: boolean }[] = []
  const state = { distrusted: 0, opening: (): Promise<unknown> => Promise.resolve() }
  const database: StreamSource = {
    listen: async (channel, listener) => {
      const stream = { channel, listener, isOpen: true }
      streams.push(stream)
      await state.opening()
      return { close: () => (stream.isOpen = false) }
    },
    distrustStreams: () => state.distrusted++,
  }
  const mailboxes = new Mailboxes(database)
  let requests = 0
  const join = (address: string) => {
    const heard: string[] = []
    const mailbox = mailboxes.join(address, {
      onMessage: (message) => heard.push(message),
      onEnd: () => heard.push("<end>"),
    })
    const open = () => mailbox.open(TIMEOUT_MS, () => requests++)
    return { ...mailbox, heard, open }
  }
  return { streams, state, mailboxes, join, requests: () => requests }
}

/** Two waiters that share an open stream. */
async function two() {
  const all = source()
  const [a, b] = [all.join("c.1"), all.join("c.2")]
  await Promise.all([a.open(), b.open()])
  return { ...all, a, b }
}

const aboutToOpen = () => {
  let settle: { resolve: () => void; reject: (error: Error) => void } | undefined
  const opening = () =>
    new Promise<void>((resolve, reject) => {
      settle = { resolve, reject }
    })
  return {
    opening,
    confirm: () => settle?.resolve(),
    fail: (error: Error) => settle?.reject(error),
  }
}

test("waiters that share a stream open it once, and each receives its own messages", async () => {
  expect(source().mailboxes.isOpen).toBe(false)
  const { streams, requests, a, b } = await two()
  expect(streams.map(({ channel }) => channel)).toEqual(["c"])
  expect(requests()).toBe(1)
  streams[0]?.listener.onMessage("2 granted 1 2")
  streams[0]?.listener.onMessage("1 next 3")
  streams[0]?.listener.onMessage("3 next 4")
  streams[0]?.listener.onMessage("rubbish")
  expect([a.heard, b.heard]).toEqual([["next 3"], ["granted 1 2"]])
  a.close()
  streams[0]?.listener.onMessage("1 next 5")
  expect(a.heard).toEqual(["next 3"])
})

test("a shared stream is closed a moment after the last waiter has left, and found open until then", async () => {
  const { streams, mailboxes, join, a, b } = await two()
  a.close()
  await pass(1_000)
  expect(mailboxes.isOpen).toBe(true)
  // It is not idle while another waiter is left.
  const d = join("c.4")
  expect(d.isOpen).toBe(true)
  d.close()
  b.close()
  await pass(200)
  const c = join("c.3")
  expect(c.isOpen).toBe(true)
  await pass(1_000)
  c.close()
  await pass(250)
  expect(mailboxes.isOpen).toBe(false)
  expect(streams.map(({ isOpen }) => isOpen)).toEqual([false])
  expect(join("c.5").isOpen).toBe(false)
})

test("a stream that was idle while the process was frozen is not trusted", async () => {
  const { streams, join, a, b } = await two()
  a.close()
  b.close()
  freeze(60_000)
  expect(join("c.3").isOpen).toBe(false)
  expect(streams.map(({ isOpen }) => isOpen)).toEqual([false])
})

test.each([
  ["that is shared", "c.1"],
  ["with a single waiter", "c"],
])("a stream %s that opens after its waiters have left is closed", async (_, address) => {
  const { streams, state, join } = source()
  const slow = aboutToOpen()
  state.opening = slow.opening
  const a = join(address)
  const opening = a.open()
  a.close()
  slow.confirm()
  await opening
  await pass(250)
  expect(streams.map(({ isOpen }) => isOpen)).toEqual([false])
})

test("the end of a shared stream reaches all its waiters, who open one new stream", async () => {
  const { streams, mailboxes, requests, a, b } = await two()
  streams[0]?.listener.onEnd()
  expect([a.heard, b.heard]).toEqual([["<end>"], ["<end>"]])
  expect(mailboxes.isOpen).toBe(false)
  await Promise.all([a.open(), b.open()])
  expect([streams.length, requests()]).toEqual([2, 2])
  streams[1]?.listener.onMessage("1 next 1")
  expect(a.heard).toEqual(["<end>", "next 1"])
})

test("a waiter that missed a message ends the stream for the others, and only an open one", async () => {
  const { streams, state, mailboxes, join, a, b } = await two()
  const c = join("c.3")
  a.distrust()
  expect([a.heard, b.heard, c.heard]).toEqual([[], ["<end>"], ["<end>"]])
  expect(streams[0]?.isOpen).toBe(false)
  const slow = aboutToOpen()
  state.opening = slow.opening
  const opening = b.open()
  c.distrust()
  slow.confirm()
  await opening
  expect(mailboxes.isOpen).toBe(true)
  expect(b.heard).toEqual(["<end>"])
  expect(state.distrusted).toBe(2)
  expect(streams.filter(({ isOpen }) => isOpen)).toHaveLength(1)
})

test("a shared stream that cannot be opened fails for all, and the next waiter tries again", async () => {
  const { state, mailboxes, join, requests } = source()
  const failure = new RedisError("no", { outcome: "refused" })
  state.opening = () => Promise.reject(failure)
  const [a, b] = [join("c.1"), join("c.2")]
  expect(await Promise.allSettled([a.open(), b.open()])).toEqual([
    { status: "rejected", reason: failure },
    { status: "rejected", reason: failure },
  ])
  state.opening = () => Promise.resolve()
  await join("c.3").open()
  expect(mailboxes.isOpen).toBe(true)
  expect(requests()).toBe(2)
})

test("a shared stream that ends as it opens does not count as open", async () => {
  const { streams, state, mailboxes, join } = source()
  state.opening = () => {
    streams[0]?.listener.onEnd()
    return Promise.resolve()
  }
  const a = join("c.1")
  await a.open()
  expect(a.heard).toEqual(["<end>"])
  expect(mailboxes.isOpen).toBe(false)
})

test("a stream with a single waiter receives its messages, and is closed with it", async () => {
  const { streams, join, requests, state } = source()
  const [a, b] = [join("a"), join("b")]
  expect([a.isOpen, b.isOpen]).toEqual([false, false])
  await Promise.all([a.open(), b.open()])
  expect(requests()).toBe(2)
  streams[1]?.listener.onMessage("next 1")
  expect([a.heard, b.heard]).toEqual([[], ["next 1"]])
  a.close()
  expect(streams.map(({ isOpen }) => isOpen)).toEqual([false, true])
  b.distrust()
  expect(streams.map(({ isOpen }) => isOpen)).toEqual([false, false])
  expect(state.distrusted).toBe(1)
})
