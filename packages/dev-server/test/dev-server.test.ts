// Starts and closes servers: options, ports, and isolation of two servers in one process.
import { once } from "node:events"
import { connect } from "node:net"
import { LockManager } from "../../../src/index.js"
import * as dev from "../src/index.js"
import { type DevServer, type DevServerOptions, startDevServer } from "../src/index.js"
import { RestClient } from "./rest-client.js"
import { afterEach, describe, expect, it, vi } from "vitest"

describe("startDevServer", () => {
  const servers: DevServer[] = []
  const start = async (options: DevServerOptions = {}) => {
    const server = await startDevServer({ port: 0, ...options })
    servers.push(server)
    return server
  }
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()))
  })

  it("is the only value among the public names", () => {
    expect(Object.keys(dev)).toEqual(["startDevServer"])
  })

  it("listens on loopback, on a free port", async () => {
    const server = await start()
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
    expect(server.port).toBeGreaterThan(0)
    expect(await new RestClient(server.url, server.token).command("PING")).toBe("PONG")
  })

  it("generates a random token unless it is given one", async () => {
    const tokens = [(await start()).token, (await start()).token]
    expect(new Set(tokens).size).toBe(2)
    for (const token of tokens) expect(token).toMatch(/^[\w-]{32,}$/)
    expect((await start({ token: "given" })).token).toBe("given")
  })

  it("listens on another address and returns a url that reaches it", async () => {
    for (const hostname of ["localhost", "0.0.0.0", "::1"]) {
      const server = await start({ hostname })
      expect(await new RestClient(server.url, server.token).command("PING")).toBe("PONG")
    }
  })

  it("isolates two servers of one process, and serves one keyspace to all clients of a server", async () => {
    const [one, other] = [await start(), await start()]
    const client = (server: DevServer) => new RestClient(server.url, server.token)
    await client(one).command("SET", "k", "v")
    expect(await client(one).command("GET", "k")).toBe("v")
    expect(await client(other).command("GET", "k")).toBeNull()
    const stream = await client(other).raw("/subscribe/c")
    expect(await client(one).command("PUBLISH", "c", "x")).toBe(0)
    expect(await client(other).command("PUBLISH", "c", "x")).toBe(1)
    await stream.body?.cancel()
  })

  it("counts requests", async () => {
    const server = await start()
    expect(server.requests).toBe(0)
    await new RestClient(server.url, "wrong").get("/ping")
    await new RestClient(server.url, server.token).command("PING")
    expect(server.requests).toBe(2)
  })

  it("can be closed twice, and is closed at the end of its scope", async () => {
    const server = await start()
    await Promise.all([server.close(), server.close()])
    await server[Symbol.asyncDispose]()
    await expect(fetch(server.url)).rejects.toThrow()
  })

  it("closes promptly although clients keep their connections open", async () => {
    const server = await start()
    const client = new RestClient(server.url, server.token)
    await Promise.all(Array.from({ length: 10 }, () => client.command("PING")))
    const begun = performance.now()
    await server.close()
    expect(performance.now() - begun).toBeLessThan(1500)
  })

  it("closes at once although a client has an idle connection that it never used", async () => {
    const server = await start()
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    await once(socket, "connect")
    const begun = performance.now()
    await server.close()
    expect(performance.now() - begun).toBeLessThan(300)
    socket.destroy()
  })

  it("closes at once after callers have contended for a lock", async () => {
    const server = await start()
    const locks = new LockManager({ redis: { url: server.url, token: server.token } })
    const first = await locks.acquire("x")
    const waiting = locks.acquire("x")
    await vi.waitUntil(async () => (await locks.inspect("x")).waiting > 0, { timeout: 5000 })
    await first.release()
    await (await waiting).release()
    const begun = performance.now()
    await server.close()
    expect(performance.now() - begun).toBeLessThan(300)
  })

  it("names the port if it is taken", async () => {
    const { port } = await start()
    await expect(start({ port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: the port is in use`,
    )
  })

  it("names the address where no Redis answers, without the password, within the promised time", async () => {
    const begun = performance.now()
    const failure = start({ redis: "redis://user:secret@127.0.0.1:1/0" })
    await expect(failure).rejects.toThrow("cannot reach Redis at 127.0.0.1:1: ")
    await expect(failure).rejects.not.toThrow("secret")
    expect(performance.now() - begun).toBeLessThan(3500)
  })

  it.each<[string, DevServerOptions]>([
    ["port", { port: -1 }],
    ["port", { port: 65536 }],
    ["port", { port: 1.5 }],
    ["hostname", { hostname: "" }],
    ["allowedHosts", { allowedHosts: [""] }],
    ["allowedHosts", { allowedHosts: ["http://a.example"] }],
    ["allowedHosts", { allowedHosts: ["a.example:80"] }],
    ["token", { token: "" }],
    ["token", { token: "two words" }],
    ["redis", { redis: "http://127.0.0.1" }],
    ["redis", { redis: "redis://" }],
    ["redis", { redis: "127.0.0.1:6379" }],
    ["keepAlive", { keepAlive: 0 }],
    ["keepAlive", { keepAlive: Number.NaN }],
    ["keepAlive", { keepAlive: Infinity }],
  ])("refuses an invalid %s and names it: %j", async (name, options) => {
    await expect(start(options)).rejects.toThrow(new RegExp(`^${name}: `))
  })
})
