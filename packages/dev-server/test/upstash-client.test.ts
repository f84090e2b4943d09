// The unmodified client of @upstash/redis, against the local server.
import { Redis } from "@upstash/redis"
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { engines, type OpenEngine } from "./engines.js"

describe.each(engines)("@upstash/redis over the $name", ({ isAvailable, open }) => {
  describe.skipIf(!isAvailable)("", () => {
    let engine: OpenEngine
    beforeAll(async () => {
      engine = await open()
    })
    afterAll(() => engine.close())
    beforeEach(() => engine.rest.command("FLUSHALL"))

    describe.each([
      ["base64 replies", { responseEncoding: "base64" as const }],
      ["plain replies", { responseEncoding: false as const }],
      ["no auto-pipelining", { enableAutoPipelining: false }],
      ["read-your-writes", { readYourWrites: true }],
    ])("with %s", (_, settings) => {
      const client = () => new Redis({ url: engine.url, token: engine.token, ...settings })

      it("sets and gets values of several types", async () => {
        const redis = client()
        expect(await redis.set("k", { a: ["é", 1] }, { px: 10_000 })).toBe("OK")
        expect(await redis.get("k")).toEqual({ a: ["é", 1] })
        expect(await redis.set("k", "v", { nx: true })).toBeNull()
        expect(await redis.pttl("k")).toBeGreaterThan(0)
        expect(await redis.set("n", 42)).toBe("OK")
        expect(await redis.get("n")).toBe(42)
        expect(await redis.get("none")).toBeNull()
        expect(await redis.set("ok", "OK")).toBe("OK")
        expect(await redis.get("ok")).toBe("OK")
        expect(await redis.hset("h", { a: 1, b: "x" })).toBe(2)
        expect(await redis.hgetall("h")).toEqual({ a: 1, b: "x" })
        expect(await redis.zadd("z", { nx: true }, { score: 1.5, member: "m" })).toBe(1)
        expect(await redis.zrange("z", 0, -1, { withScores: true })).toEqual(["m", 1.5])
        expect(await redis.scan(0, { match: "k*" })).toEqual(["0", ["k"]])
      })

      it("runs many commands of one tick", async () => {
        const redis = client()
        const sums = await Promise.all(Array.from({ length: 50 }, () => redis.incr("n")))
        expect(sums).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
      })

      it("runs pipelines and transactions", async () => {
        const redis = client()
        expect(await redis.pipeline().set("a", 1).incr("a").get("a").exec()).toEqual(["OK", 2, 2])
        expect(await redis.multi().set("b", "x").get("b").exec()).toEqual(["OK", "x"])
        await expect(redis.multi().set("b", "y").incr("b").exec()).rejects.toThrow("not an integer")
      })

      it("runs scripts by text and by SHA-1", async () => {
        const redis = client()
        const source =
          "redis.call('SET', KEYS[1], ARGV[1]) return {1, 'x', redis.call('GET', KEYS[1])}"
        expect(await redis.eval(source, ["k"], ["v"])).toEqual([1, "x", "v"])
        const sha = await redis.scriptLoad(source)
        expect(await redis.evalsha(sha, ["k"], ["w"])).toEqual([1, "x", "w"])
        expect(await redis.scriptExists(sha)).toEqual([1])
        const script = redis.createScript("return ARGV[1]")
        expect(await script.exec([], ["again"])).toBe("again")
        await expect(redis.eval("return redis.call('INCR', KEYS[1])", ["k"], [])).rejects.toThrow(
          "ERR value is not an integer or out of range",
        )
      })
    })

    it("subscribes to channels and patterns, and unsubscribes", async () => {
      const redis = new Redis({ url: engine.url, token: engine.token })
      const messages: unknown[] = []
      const channel = redis.subscribe("news")
      const pattern = redis.psubscribe("ne*")
      channel.on("message", (data) => messages.push(data.message))
      pattern.on("pmessage", (data) => messages.push(data.message))
      await Promise.all([
        new Promise((resolve) => {
          channel.on("subscribe", resolve)
        }),
        new Promise((resolve) => {
          pattern.on("psubscribe", resolve)
        }),
      ])
      expect(await redis.publish("news", { a: 1 })).toBe(2)
      await vi.waitUntil(() => messages.length === 2, { timeout: 5000 })
      expect(messages).toEqual([{ a: 1 }, { a: 1 }])
      await channel.unsubscribe()
      await pattern.unsubscribe()
      await vi.waitUntil(async () => (await redis.publish("news", "x")) === 0, { timeout: 5000 })
    })

    it("reports a wrong token as WRONGPASS", async () => {
      const redis = new Redis({ url: engine.url, token: "wrong" })
      await expect(redis.get("k")).rejects.toThrow("WRONGPASS invalid or missing auth token")
    })
  })
})
