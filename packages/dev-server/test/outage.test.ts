// A real Redis that goes away behind the server: clear errors, a server that survives, and recovery.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { type DevServer, startDevServer } from "../src/index.js"
import { hasRedisServer, type RedisServer, startRedis } from "../../../test/support/redis-server.js"
import { EventReader } from "./event-reader.js"
import { RestClient } from "./rest-client.js"

describe.skipIf(!hasRedisServer())("when the Redis behind the server goes away", () => {
  let redis: RedisServer
  let server: DevServer
  let rest: RestClient
  beforeEach(async () => {
    redis = await startRedis()
    server = await startDevServer({ port: 0, redis: redis.url })
    rest = new RestClient(server.url, server.token)
  })
  afterEach(async () => {
    await server.close()
    await redis.stop()
  })

  it("requests get a 503 that names its address, on every path", async () => {
    await redis.kill()
    for (const [path, body] of [
      ["/", ["GET", "k"]],
      ["/pipeline", [["GET", "k"], ["PING"]]],
      ["/multi-exec", [["GET", "k"]]],
      ["/subscribe/c", ""],
    ] as const) {
      const reply = await rest.post(path, body)
      expect({ path, status: reply.status }).toEqual({ path, status: 503 })
      expect((reply.body as { error: string }).error).toMatch(
        new RegExp(`^ERR .*Redis at 127\\.0\\.0\\.1:${redis.port}`),
      )
    }
  })

  it("a command in flight is not sent again, and its response says that it may have run", async () => {
    await rest.command("SET", "k", "v")
    redis.pause()
    const pending = rest.post("/", ["INCR", "n"])
    await vi.waitUntil(() => server.requests === 2, { timeout: 5000 })
    await redis.kill()
    expect(await pending).toEqual({
      status: 503,
      body: { error: expect.stringContaining("the command may have run") as unknown },
    })
  })

  it("open streams end, so that subscribers know that messages may be missing", async () => {
    const events = await EventReader.open(rest, "/subscribe/c")
    expect(await events.next()).toBe("data: subscribe,c,1")
    await redis.kill()
    expect(await events.next()).toBeUndefined()
  })

  it("commands and streams work again once it is back", async () => {
    const first = await EventReader.open(rest, "/subscribe/c")
    await first.next()
    await redis.kill()
    expect((await rest.get("/ping")).status).toBe(503)
    redis = await startRedis(redis.port)
    await vi.waitUntil(async () => (await rest.get("/ping")).status === 200, { timeout: 5000 })
    const events = await EventReader.open(rest, "/subscribe/c")
    expect(await events.next()).toBe("data: subscribe,c,1")
    await rest.command("PUBLISH", "c", "x")
    expect(await events.next()).toBe("data: message,c,x")
    events.abort()
  })

  it("requests wait while Redis hangs, and get their responses when it resumes", async () => {
    redis.pause()
    const pending = rest.command("PING")
    await vi.waitUntil(() => server.requests === 1, { timeout: 5000 })
    redis.resume()
    expect(await pending).toBe("PONG")
  })

  it("the server closes promptly while Redis hangs", async () => {
    redis.pause()
    const pending = rest.command("PING").catch(() => "cut off")
    await vi.waitUntil(() => server.requests === 1, { timeout: 5000 })
    const begun = performance.now()
    await server.close()
    expect(performance.now() - begun).toBeLessThan(4000)
    await pending
  })

  it("a server that starts while Redis hangs fails within the promised time", async () => {
    redis.pause()
    const begun = performance.now()
    await expect(startDevServer({ port: 0, redis: redis.url })).rejects.toThrow(
      `cannot reach Redis at 127.0.0.1:${redis.port}`,
    )
    expect(performance.now() - begun).toBeLessThan(3500)
    redis.resume()
  })
})
