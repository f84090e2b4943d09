// The local server accepts the commands that Upstash has, and no others, with any Redis behind it.
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { embedded, engines, type OpenEngine, realRedis } from "./engines.js"

describe.each(engines)("over the $name", ({ isAvailable, open }) => {
  describe.skipIf(!isAvailable)("", () => {
    let engine: OpenEngine
    beforeAll(async () => {
      engine = await open()
    })
    afterAll(() => engine.close())

    it.each([
      [["ACL", "SETUSER", "eve", "on", "nopass", "+@all", "~*"], "ACL SETUSER"],
      [["acl", "list"], "ACL LIST"],
      [["CONFIG", "SET", "maxmemory", "1"], "CONFIG SET"],
      [["CONFIG", "GET", "requirepass"], "CONFIG GET"],
      [["CONFIG", "REWRITE"], "CONFIG REWRITE"],
      [["MODULE", "LOAD", "/tmp/x.so"], "MODULE"],
      [["MIGRATE", "127.0.0.1", "1", "k", "0", "10"], "MIGRATE"],
      [["SAVE"], "SAVE"],
      [["BGSAVE"], "BGSAVE"],
      [["BGREWRITEAOF"], "BGREWRITEAOF"],
      [["SWAPDB", "0", "1"], "SWAPDB"],
      [["MOVE", "k", "1"], "MOVE"],
      [["SHUTDOWN", "NOSAVE"], "SHUTDOWN"],
      [["DEBUG", "SLEEP", "1"], "DEBUG"],
      [["REPLICAOF", "127.0.0.1", "1"], "REPLICAOF"],
      [["SLAVEOF", "127.0.0.1", "1"], "SLAVEOF"],
      [["FAILOVER"], "FAILOVER"],
      [["CLUSTER", "INFO"], "CLUSTER"],
      [["SLOWLOG", "RESET"], "SLOWLOG"],
      [["LATENCY", "RESET"], "LATENCY"],
      [["MEMORY", "PURGE"], "MEMORY"],
      [["SCRIPT", "KILL"], "SCRIPT KILL"],
      [["FUNCTION", "RESTORE", "x"], "FUNCTION RESTORE"],
    ])("refuses %j, alone, in a pipeline and in a transaction", async (command, name) => {
      const error = `ERR Command is not available: '${name}'. Upstash does not offer it`
      expect(await engine.rest.post("/", command)).toEqual({ status: 400, body: { error } })
      const piped = await engine.rest.post("/pipeline", [["PING"], command])
      expect(piped.body).toEqual([{ result: "PONG" }, { error }])
      const atOnce = await engine.rest.post("/multi-exec", [["SET", "k", "v"], command])
      expect(atOnce).toEqual({ status: 400, body: { error } })
    })

    it("passes on no command that is not on the list, such as one of a module", async () => {
      const { body } = await engine.rest.post("/", ["FT.DROPINDEX", "i"])
      const error = "ERR unknown command 'FT.DROPINDEX', with args beginning with: 'i' "
      expect(body).toEqual({ error })
    })

    it("accepts FLUSHALL, as Upstash does", async () => {
      await engine.rest.command("SET", "k", "v")
      expect(await engine.rest.command("FLUSHALL")).toBe("OK")
      expect(await engine.rest.command("DBSIZE")).toBe(0)
    })

    it("returns a sync token that changes with each write, and with nothing else", async () => {
      const tokenAfter = async (path: string, body: unknown) => {
        const response = await engine.rest.raw(path, { method: "POST", body: JSON.stringify(body) })
        await response.text()
        return response.headers.get("upstash-sync-token")
      }
      const first = await tokenAfter("/", ["GET", "k"])
      expect(await tokenAfter("/pipeline", [["PING"], ["PTTL", "k"]])).toBe(first)
      const written = [
        await tokenAfter("/", ["SET", "k", "v"]),
        await tokenAfter("/pipeline", [
          ["GET", "k"],
          ["DEL", "k"],
        ]),
        await tokenAfter("/multi-exec", [["INCR", "n"]]),
        await tokenAfter("/", ["EVAL", "return 1", "0"]),
      ]
      expect(new Set([first, ...written]).size).toBe(5)
      expect(await tokenAfter("/", ["GET", "k"])).toBe(written.at(-1))
    })
  })
})

describe("the embedded engine", () => {
  let engine: OpenEngine
  beforeAll(async () => {
    engine = await embedded.open()
  })
  afterAll(() => engine.close())

  const missing = (name: string) =>
    `ERR ${name} is not supported by the local engine; run the server over a real Redis (--redis)`

  it.each([
    ["HEXPIRE", "h", "10", "FIELDS", "1", "f"],
    ["HGETEX", "h", "FIELDS", "1", "f"],
    ["LPOS", "l", "a"],
    ["ZUNION", "1", "z"],
    ["lcs", "a", "b"],
    ["ACL", "WHOAMI"],
    ["XADD", "s", "*", "f", "v"],
    ["GETBIT", "k", "1"],
    ["PFADD", "p", "a"],
    ["GEOADD", "g", "1", "1", "m"],
    ["JSON.GET", "j"],
    ["FCALL", "f", "0"],
    ["OBJECT", "ENCODING", "k"],
    ["DUMP", "k"],
  ])("names each command of Upstash that it does not support: %s", async (...command) => {
    const name = command[0].toUpperCase()
    const reply = await engine.rest.post("/", command)
    expect(reply).toEqual({ status: 400, body: { error: missing(name) } })
    const script = "return redis.pcall(unpack(ARGV)).err"
    expect(await engine.rest.command("EVAL", script, 0, ...command)).toBe(missing(name))
  })

  it("reports a failure of any kind only to the command that failed", async () => {
    const tooMany = Array.from({ length: 300_000 }, () => "x")
    const { status, body } = await engine.rest.post("/pipeline", [
      ["SET", "k", "v"],
      ["DEL", ...tooMany],
      ["SETRANGE", "k", "2000000000", "x"],
      ["SRANDMEMBER", "s", "-9007199254740993"],
      ["GET", "k"],
    ])
    expect(status).toBe(200)
    const replies = body as readonly { result?: unknown; error?: string }[]
    expect([replies[0], replies[4]]).toEqual([{ result: "OK" }, { result: "v" }])
    expect(replies[1]?.error).toMatch(/^ERR the local engine failed: /)
    expect(replies[2]?.error).toMatch(/^ERR string exceeds maximum allowed size/)
  })

  it("runs a transaction to its end although one of its commands fails", async () => {
    const tooMany = Array.from({ length: 300_000 }, () => "x")
    const { status, body } = await engine.rest.post("/multi-exec", [
      ["SET", "t", "1"],
      ["DEL", ...tooMany],
      ["INCR", "t"],
    ])
    expect(status).toBe(200)
    expect((body as unknown[])[2]).toEqual({ result: 2 })
  })

  it("scans in pages of about COUNT, and a loop over them misses no key that stays", async () => {
    const keys = Array.from({ length: 500 }, (_, i) => `scan:${i}`)
    await engine.rest.post(
      "/pipeline",
      keys.map((key) => ["SET", key, "v"]),
    )
    const seen: string[] = []
    let cursor = "0"
    let pages = 0
    do {
      const reply = await engine.rest.command("SCAN", cursor, "MATCH", "scan:*", "COUNT", 7)
      const [next, page] = reply as [string, string[]]
      expect(page.length).toBeLessThan(20)
      seen.push(...page)
      cursor = next
      pages++
      // Keys that are added or removed meanwhile do not move the others.
      await engine.rest.command("DEL", `other:${pages}`, `scan:none`)
      await engine.rest.command("SET", `other:${pages + 1}`, "v")
    } while (cursor !== "0")
    expect(pages).toBeGreaterThan(50)
    expect(seen.sort()).toEqual(keys.sort())
  })

  it.each([
    ["HSCAN", "HSET", (i: number) => [`f${i}`, `v${i}`]],
    ["SSCAN", "SADD", (i: number) => [`m${i}`]],
    ["ZSCAN", "ZADD", (i: number) => [`${i}`, `m${i}`]],
  ])("pages through a large collection: %s", async (scan, add, item) => {
    await engine.rest.command("DEL", "c")
    const items = Array.from({ length: 300 }, (_, i) => item(i))
    await engine.rest.command(add, "c", ...items.flat())
    const seen: string[] = []
    let cursor = "0"
    do {
      const [next, page] = (await engine.rest.command(scan, "c", cursor, "COUNT", 20)) as [
        string,
        string[],
      ]
      expect(page.length).toBeLessThan(80)
      seen.push(...page)
      cursor = next
    } while (cursor !== "0")
    expect(seen.length).toBe(items.flat().length)
    expect(new Set(seen)).toEqual(new Set(items.flat()))
  })

  it("matches a pattern in linear time", async () => {
    await engine.rest.command("SET", "a".repeat(5000), "v")
    const begun = performance.now()
    expect(await engine.rest.command("KEYS", `${"*a".repeat(2000)}*b`)).toEqual([])
    expect(performance.now() - begun).toBeLessThan(1000)
  })
})

describe.skipIf(!realRedis.isAvailable)("a real Redis behind the server", () => {
  it("receives none of the refused commands", async () => {
    const engine = await realRedis.open()
    try {
      await engine.rest.command("CONFIG", "RESETSTAT")
      for (const command of [["ACL", "LIST"], ["SAVE"], ["NOPE"], ["DEBUG", "JMAP"]])
        await engine.rest.post("/", command)
      const stats = String(await engine.rest.command("INFO", "everything"))
      expect(stats).not.toMatch(/cmdstat_(acl|save|debug)|rejected_calls=[1-9]/)
      expect(stats).toContain("total_error_replies:0")
    } finally {
      await engine.close()
    }
  })
})
