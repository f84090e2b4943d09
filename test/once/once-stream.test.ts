// The streams of waiting calls: who shares one, when it is closed, and what a call that ends meanwhile leaves behind.
import { expect, test } from "vitest"
import { Attempts } from "../../src/acquire/attempts.js"
import { openStream } from "../../src/once/once-stream.js"
import { RedisError } from "../../src/redis/redis-error.js"
import type { ScriptDatabase } from "../../src/redis/store.js"
import type { Listener, Subscription } from "../../src/redis/transport.js"
import { REQUEST } from "../support/request.js"

interface Opened {
  readonly channel: string
  readonly timeoutMs: number
  readonly tell: Listener
  readonly succeed: () => void
  readonly fail: (error: unknown) => void
  closed: number
}

/** A database whose streams open when the test says so. */
function databaseOf(sharesStreams: boolean) {
  const streams: Opened[] = []
  const listen = (channel: string, tell: Listener, timeoutMs: number) =>
    new Promise<Subscription>((resolve, reject) => {
      const stream: Opened = {
        channel,
        timeoutMs,
        tell,
        closed: 0,
        fail: reject,
        succeed: () => {
          resolve({ close: () => stream.closed++ })
        },
      }
      streams.push(stream)
    })
  return { streams, database: { sharesStreams, listen } as unknown as ScriptDatabase }
}

/** A call that opens its stream, and the messages that it receives. */
function call(database: ScriptDatabase, { signal = undefined as AbortSignal | undefined } = {}) {
  const heard: string[] = []
  const listener = { onMessage: (text: string) => heard.push(text), onEnd: () => heard.push("end") }
  const attempts = new Attempts({ ...REQUEST, waitMs: 1_000 }, undefined)
  const bounds = { signal, timeoutMs: 10_000 }
  const opening = openStream(attempts, bounds, database, "a", listener)
  opening.catch(() => undefined)
  return { heard, attempts, opening }
}

/** A database of which a call has opened the shared stream, and closed it. */
async function usedDatabase() {
  const { streams, database } = databaseOf(true)
  const { opening } = call(database)
  streams[0]?.succeed()
  const stream = await opening
  stream?.close()
  return { streams, database }
}

const lost = () => new RedisError("it failed", { outcome: "unknown" })

test("each call has its own where requests cannot share a connection", async () => {
  const { streams, database } = databaseOf(false)
  const calls = [call(database), call(database)]
  for (const { succeed } of streams) succeed()
  const [first] = await Promise.all(calls.map(({ opening }) => opening))
  streams[0]?.tell.onMessage("1")
  first?.close()
  expect(streams.map(({ channel, closed }) => [channel, closed])).toEqual([
    ["a", 1],
    ["a", 0],
  ])
  expect(calls.map(({ heard }) => heard)).toEqual([["1"], []])
  expect(calls.map(({ attempts }) => attempts.requests)).toEqual([1, 1])
})

test("calls share one until the last of them closes it, and only its first call counts a request", async () => {
  const { streams, database } = databaseOf(true)
  const calls = [call(database), call(database)]
  streams[0]?.succeed()
  const late = call(database)
  const opened = await Promise.all([...calls, late].map(({ opening }) => opening))
  streams[0]?.tell.onMessage("1")
  opened[0]?.close()
  streams[0]?.tell.onMessage("2")
  opened[1]?.close()
  expect(streams[0]?.closed).toBe(0)
  opened[2]?.close()
  expect(streams.map(({ closed }) => closed)).toEqual([1])
  expect([...calls, late].map(({ heard }) => heard)).toEqual([["1"], ["1", "2"], ["1", "2"]])
  expect([...calls, late].map(({ attempts }) => attempts.requests)).toEqual([1, 0, 0])
})

test("a call after that opens another one", async () => {
  const { streams, database } = await usedDatabase()
  call(database)
  expect(streams).toHaveLength(2)
})

test("a shared stream that ends tells all its calls, and the next call opens another one", async () => {
  const { streams, database } = databaseOf(true)
  const calls = [call(database), call(database)]
  streams[0]?.succeed()
  await Promise.all(calls.map(({ opening }) => opening))
  streams[0]?.tell.onEnd()
  expect(calls.map(({ heard }) => heard)).toEqual([["end"], ["end"]])
  call(database)
  expect(streams).toHaveLength(2)
})

test("the late end of an earlier stream does not part later calls", async () => {
  const { streams, database } = await usedDatabase()
  call(database)
  streams[0]?.tell.onEnd()
  call(database)
  expect(streams).toHaveLength(2)
})

test("databases do not share streams", () => {
  const [one, other] = [databaseOf(true), databaseOf(true)]
  call(one.database)
  call(other.database)
  expect([one.streams.length, other.streams.length]).toEqual([1, 1])
})

test("it may take half of the rest of the wait", () => {
  const { streams, database } = databaseOf(false)
  call(database)
  expect(streams[0]?.timeoutMs).toBeGreaterThan(400)
  expect(streams[0]?.timeoutMs).toBeLessThanOrEqual(500)
})

test.each([true, false])(
  "a failure is not an error of the call, and the next call tries again (shared: %s)",
  async (sharesStreams) => {
    const { streams, database } = databaseOf(sharesStreams)
    const { opening } = call(database)
    streams[0]?.fail(lost())
    expect(await opening).toBeUndefined()
    call(database)
    expect(streams).toHaveLength(2)
  },
)

test("any other error is one of the call", async () => {
  const { streams, database } = databaseOf(false)
  const { opening } = call(database)
  streams[0]?.fail(new TypeError("a mistake"))
  await expect(opening).rejects.toThrow(new TypeError("a mistake"))
})

test.each([true, false])(
  "one that opens after its call was aborted is closed (shared: %s)",
  async (sharesStreams) => {
    const { streams, database } = databaseOf(sharesStreams)
    const controller = new AbortController()
    const { opening } = call(database, { signal: controller.signal })
    controller.abort("enough")
    await expect(opening).rejects.toBe("enough")
    expect(streams[0]?.closed).toBe(0)
    streams[0]?.succeed()
    await new Promise((resolve) => setTimeout(resolve))
    expect(streams[0]?.closed).toBe(1)
  },
)
