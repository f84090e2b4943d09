// Streams of messages: confirmed, complete, kept alive, and closed as soon as either side ends them.
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { engines, type OpenEngine } from "./engines.js"
import { EventReader } from "./event-reader.js"

describe.each(engines)("streams over the $name", ({ isAvailable, open }) => {
  describe.skipIf(!isAvailable)("", () => {
    let engine: OpenEngine
    beforeAll(async () => {
      engine = await open()
    })
    afterAll(() => engine.close())

    const publish = (channel: string, message: string) =>
      engine.rest.command("PUBLISH", channel, message)
    const listeners = async (channel: string) => {
      const [, count] = (await engine.rest.command("PUBSUB", "NUMSUB", channel)) as [string, number]
      return count
    }

    it.each(["POST", "GET"])(
      "confirm the channel and then deliver its messages (%s)",
      async (method) => {
        const events = await EventReader.open(engine.rest, "/subscribe/news", method)
        expect(await events.next()).toBe("data: subscribe,news,1")
        expect(await publish("news", "one")).toBe(1)
        expect(await publish("other", "nothing")).toBe(0)
        expect(await publish("news", "two, with a comma")).toBe(1)
        expect(await events.next()).toBe("data: message,news,one")
        expect(await events.next()).toBe("data: message,news,two, with a comma")
        events.abort()
      },
    )

    it("follow a pattern", async () => {
      const events = await EventReader.open(engine.rest, "/psubscribe/ro%2Am%3F")
      expect(await events.next()).toBe("data: psubscribe,ro*m?,1")
      await publish("room1", "hello")
      expect(await events.next()).toBe("data: pmessage,ro*m?,room1,hello")
      events.abort()
    })

    it("accept several channels, and names that need encoding", async () => {
      const events = await EventReader.open(engine.rest, "/subscribe/a%2Fb%20%C3%A9/c")
      expect(await events.next()).toBe("data: subscribe,a/b é,1")
      expect(await events.next()).toBe("data: subscribe,c,2")
      await publish("a/b é", "ü")
      await publish("c", "x")
      expect(await events.next()).toBe("data: message,a/b é,ü")
      expect(await events.next()).toBe("data: message,c,x")
      events.abort()
    })

    it("deliver messages that scripts publish", async () => {
      const events = await EventReader.open(engine.rest, "/subscribe/news")
      await events.next()
      const script =
        "redis.call('PUBLISH', 'news', 'one') return redis.pcall('PUBLISH', 'news', 'two')"
      expect(await engine.rest.command("EVAL", script, 0)).toBe(1)
      await engine.rest.post("/multi-exec", [["PUBLISH", "news", "three"]])
      expect(await events.next()).toBe("data: message,news,one")
      expect(await events.next()).toBe("data: message,news,two")
      expect(await events.next()).toBe("data: message,news,three")
      events.abort()
    })

    it("put each line of a message on a line of its own", async () => {
      const events = await EventReader.open(engine.rest, "/subscribe/news")
      await events.next()
      await publish("news", "one\ntwo")
      expect(await events.next()).toBe("data: message,news,one\ndata: two")
      events.abort()
    })

    it("share a channel without disturbing each other", async () => {
      const streams = await Promise.all(
        Array.from({ length: 20 }, () => EventReader.open(engine.rest, "/subscribe/shared")),
      )
      for (const stream of streams) expect(await stream.next()).toBe("data: subscribe,shared,1")
      const [first, ...others] = streams
      first?.abort()
      await publish("shared", "x")
      for (const stream of others) expect(await stream.next()).toBe("data: message,shared,x")
      for (const stream of others) stream.abort()
      await vi.waitUntil(async () => (await listeners("shared")) === 0, { timeout: 5000 })
    })

    it("unsubscribe as soon as the client disconnects", async () => {
      const events = await EventReader.open(engine.rest, "/subscribe/left")
      await events.next()
      expect(await listeners("left")).toBe(1)
      events.abort()
      await vi.waitUntil(async () => (await listeners("left")) === 0, { timeout: 5000 })
    })

    it("unsubscribe if the client disconnects before the confirmation", async () => {
      for (let i = 0; i < 20; i++) {
        const controller = new AbortController()
        const opened = engine.rest.raw("/subscribe/hasty", { signal: controller.signal })
        const gone = opened.then((response) => response.text()).catch(() => "aborted")
        setTimeout(() => {
          controller.abort()
        }, i % 5)
        await gone
      }
      await vi.waitUntil(async () => (await listeners("hasty")) === 0, { timeout: 5000 })
    })

    it("can be closed and opened again at once", async () => {
      for (let i = 0; i < 20; i++) {
        const events = await EventReader.open(engine.rest, "/subscribe/again")
        expect(await events.next()).toBe("data: subscribe,again,1")
        await publish("again", String(i))
        expect(await events.next()).toBe(`data: message,again,${i}`)
        events.abort()
      }
    })

    it("deliver every message that was published after their confirmation", async () => {
      const rounds = Array.from({ length: 30 }, async (_, i) => {
        const events = await EventReader.open(engine.rest, `/subscribe/fast-${i}`)
        await events.next()
        expect(await publish(`fast-${i}`, "x")).toBe(1)
        expect(await events.next()).toBe(`data: message,fast-${i},x`)
        events.abort()
      })
      await Promise.all(rounds)
    })

    it("need a channel", async () => {
      for (const path of ["/subscribe", "/subscribe/", "/psubscribe", "/subscribe/a//b"]) {
        expect((await engine.rest.get(path)).status).toBe(400)
      }
    })

    it("send keep-alives, which are not messages", async () => {
      const lively = await open({ keepAlive: 5 })
      try {
        const events = await EventReader.open(lively.rest, "/subscribe/quiet")
        expect(await events.next()).toBe("data: subscribe,quiet,1")
        expect(await events.next()).toBe(": keep-alive")
        expect(await events.next()).toBe(": keep-alive")
        events.abort()
      } finally {
        await lively.close()
      }
    })

    it("are cut off if the client does not read, so that memory stays bounded", async () => {
      const idle = await engine.rest.raw("/subscribe/flood")
      const message = "x".repeat(4 * 1024 * 1024)
      let sent = 0
      while ((await listeners("flood")) === 1 && sent < 50) {
        await engine.rest.post("/publish/flood", message)
        sent++
      }
      expect(sent).toBeLessThan(20)
      await idle.body?.cancel()
    })

    it("end at once when the server closes", async () => {
      const closing = await open()
      const events = await EventReader.open(closing.rest, "/subscribe/news")
      await events.next()
      await Promise.all(Array.from({ length: 5 }, () => closing.rest.command("PING")))
      await closing.close()
      expect(await events.next()).toBeUndefined()
    })
  })
})
