// The REST API as Upstash documents it, over real HTTP, on both engines.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { engines, type OpenEngine, TOKEN } from "./engines.js"

describe.each(engines)("the REST API over the $name", ({ isAvailable, open }) => {
  describe.skipIf(!isAvailable)("", () => {
    let engine: OpenEngine
    beforeAll(async () => {
      engine = await open()
    })
    afterAll(() => engine.close())
    beforeEach(() => engine.rest.command("FLUSHALL"))

    describe("commands", () => {
      it("are accepted as a JSON array", async () => {
        expect(await engine.rest.post("/", ["SET", "k", "v", "EX", "100"])).toEqual(ok("OK"))
        expect(await engine.rest.post("/", ["GET", "k"])).toEqual(ok("v"))
        expect(await engine.rest.post("/", ["GET", "none"])).toEqual(ok(null))
        expect(await engine.rest.post("/", ["STRLEN", "k"])).toEqual(ok(1))
        expect(await engine.rest.post("/", ["MGET", "k", "none"])).toEqual(ok(["v", null]))
      })

      it("are accepted as a path with percent-encoded parts", async () => {
        expect(await engine.rest.get("/set/a%2Fb%20%C3%A9/v/EX/100")).toEqual(ok("OK"))
        expect(await engine.rest.command("GET", "a/b é")).toBe("v")
        expect(await engine.rest.get("/mget/a%2Fb%20%C3%A9/none")).toEqual(ok(["v", null]))
      })

      it("take the body as the argument after the path, and the query after the body", async () => {
        expect(await engine.rest.post("/set/k?EX=100&GET", "a value, raw")).toEqual(ok(null))
        expect(await engine.rest.command("GET", "k")).toBe("a value, raw")
        expect(await engine.rest.command("TTL", "k")).toBe(100)
        expect(await engine.rest.get("/set/k/v?NX=")).toEqual(ok(null))
      })

      it("keep a binary body unchanged", async () => {
        const body = new Uint8Array([0, 255, 13, 10, 128])
        await engine.rest.send("/set/k", { method: "PUT", body })
        expect(await engine.rest.command("STRLEN", "k")).toBe(5)
        const reply = await engine.rest.post("/", ["GET", "k"], { "Upstash-Encoding": "base64" })
        expect(reply).toEqual(ok(Buffer.from(body).toString("base64")))
      })

      it("keep every digit of a number, in any notation", async () => {
        await engine.rest.post("/", '["RPUSH", "k", 9007199254740993, 1.10, -0, 1e2, "2", true]')
        expect(await engine.rest.command("LRANGE", "k", 0, -1)).toEqual([
          "9007199254740993",
          "1.10",
          "-0",
          "1e2",
          "2",
          "true",
        ])
      })

      it("return integers beyond 2^53 with every digit", async () => {
        await engine.rest.command("SET", "k", "9007199254740993")
        const response = await engine.rest.raw("/incr/k")
        expect(await response.text()).toBe('{"result":9007199254740994}')
      })

      it("that fail get a 400 with Redis's message", async () => {
        await engine.rest.command("SET", "k", "v")
        expect(await engine.rest.post("/", ["INCR", "k"])).toEqual(
          failed("ERR value is not an integer or out of range"),
        )
        expect(await engine.rest.post("/", ["LPUSH", "k", "v"])).toEqual(
          failed("WRONGTYPE Operation against a key holding the wrong kind of value"),
        )
      })

      it("that cannot be parsed get a 400", async () => {
        for (const body of ["", "no JSON", '{"a":1}', '"GET"', '["GET", null]', '["GET", ["k"]]']) {
          const { status, body: reply } = await engine.rest.post("/", body)
          expect({ body, status }).toEqual({ body, status: 400 })
          expect(reply).toHaveProperty(
            "error",
            expect.stringMatching(/^ERR failed to parse command/),
          )
        }
        expect(await engine.rest.post("/", [])).toEqual(failed("ERR empty command"))
        expect((await engine.rest.get("/")).status).toBe(400)
        expect((await engine.rest.get("/get/%E0%A4%A")).status).toBe(400)
      })
    })

    describe("methods", () => {
      it("other than HEAD, GET, POST and PUT get a 405", async () => {
        for (const method of ["HEAD", "GET", "POST", "PUT"]) {
          expect((await engine.rest.raw("/ping", { method })).status).toBe(200)
        }
        for (const method of ["DELETE", "PATCH", "OPTIONS"]) {
          const response = await engine.rest.raw("/ping", { method })
          expect(response.status).toBe(405)
          expect(await response.json()).toHaveProperty("error")
        }
      })
    })

    describe("the token", () => {
      const unauthorized = {
        status: 401,
        body: { error: "WRONGPASS invalid or missing auth token" },
      }

      it("may be a query parameter, which is not passed on as an argument", async () => {
        const response = await fetch(`${engine.url}/set/k/v?_token=${TOKEN}&EX=100`)
        expect(await response.json()).toEqual({ result: "OK" })
        expect(await engine.rest.command("TTL", "k")).toBe(100)
      })

      it("gets a 401 on every path if it is missing or wrong", async () => {
        for (const path of [
          "/",
          "/get/k",
          "/pipeline",
          "/multi-exec",
          "/subscribe/c",
          "/monitor",
        ]) {
          for (const headers of [{}, { Authorization: "Bearer wrong" }, { Authorization: TOKEN }]) {
            const response = await fetch(engine.url + path, { method: "POST", body: "[]", headers })
            const body: unknown = await response.json()
            expect({ status: response.status, body }).toEqual(unauthorized)
          }
        }
      })

      it("does not admit a page of another site", async () => {
        const reply = await engine.rest.get("/ping", { "Sec-Fetch-Site": "cross-site" })
        expect(reply.status).toBe(403)
      })
    })

    describe("replies", () => {
      it("in base64 encode every text except a plain OK, and nothing else", async () => {
        const base64 = { "Upstash-Encoding": "base64" }
        const encoded = (text: string) => Buffer.from(text).toString("base64")
        const ask = (...command: string[]) => engine.rest.post("/", command, base64)
        expect(await ask("SET", "k", "vé")).toEqual(ok("OK"))
        expect(await ask("GET", "k")).toEqual(ok(encoded("vé")))
        expect(await ask("STRLEN", "k")).toEqual(ok(3))
        expect(await ask("GET", "none")).toEqual(ok(null))
        expect(await ask("INCR", "k")).toEqual(
          failed("ERR value is not an integer or out of range"),
        )
        expect(await ask("EVAL", "return {1, 'OK', {'x', false}}", "0")).toEqual(
          ok([1, encoded("OK"), [encoded("x"), null]]),
        )
        const { body } = await engine.rest.post(
          "/pipeline",
          [
            ["GET", "k"],
            ["SET", "k", "w"],
          ],
          base64,
        )
        expect(body).toEqual([{ result: encoded("vé") }, { result: "OK" }])
      })

      it("in RESP2 are raw", async () => {
        const resp2 = { "Upstash-Response-Format": "resp2" }
        const ask = async (path: string, ...command: unknown[]) => {
          const init = { method: "POST", body: JSON.stringify(command), headers: resp2 }
          const response = await engine.rest.raw(path, init)
          expect(response.headers.get("content-type")).toBe("application/octet-stream")
          return response.text()
        }
        expect(await ask("/", "SET", "k", "v")).toBe("+OK\r\n")
        expect(await ask("/", "GET", "k")).toBe("$1\r\nv\r\n")
        expect(await ask("/", "GET", "none")).toBe("$-1\r\n")
        expect(await ask("/", "STRLEN", "k")).toBe(":1\r\n")
        expect(await ask("/", "MGET", "k", "none")).toBe("*2\r\n$1\r\nv\r\n$-1\r\n")
        expect(await ask("/", "INCR", "k")).toBe("-ERR value is not an integer or out of range\r\n")
        expect(await ask("/pipeline", ["GET", "k"], ["STRLEN", "k"])).toBe("$1\r\nv\r\n:1\r\n")
      })

      it("get an error if the format is unknown or if two are requested", async () => {
        const odd = await engine.rest.get("/ping", { "Upstash-Response-Format": "xml" })
        expect(odd.status).toBe(400)
        const headers = { "Upstash-Response-Format": "resp2", "Upstash-Encoding": "base64" }
        expect((await engine.rest.get("/ping", headers)).status).toBe(400)
      })

      it("are JSON and carry a sync token, which may be sent back", async () => {
        const first = await engine.rest.raw("/ping")
        expect(first.headers.get("content-type")).toBe("application/json")
        const token = first.headers.get("upstash-sync-token") ?? ""
        expect(token).not.toBe("")
        const second = await engine.rest.get("/ping", { "upstash-sync-token": token })
        expect(second).toEqual(ok("PONG"))
      })
    })

    describe("a body", () => {
      const megabytes = (count: number) => "x".repeat(count * 1024 * 1024)

      it("may be large", async () => {
        expect(await engine.rest.post("/set/k", megabytes(9))).toEqual(ok("OK"))
        expect(await engine.rest.command("STRLEN", "k")).toBe(9 * 1024 * 1024)
      })

      it("of more than 10 MB gets a 413, with or without a Content-Length", async () => {
        expect((await engine.rest.post("/set/k", megabytes(11))).status).toBe(413)
        const chunks = new ReadableStream({
          start: (controller) => {
            for (let i = 0; i < 11; i++) controller.enqueue(Buffer.from(megabytes(1)))
            controller.close()
          },
        })
        const init: RequestInit & { duplex: "half" } = {
          method: "POST",
          body: chunks,
          duplex: "half",
        }
        expect((await engine.rest.send("/set/k", init)).status).toBe(413)
        expect(await engine.rest.command("EXISTS", "k")).toBe(0)
      })

      it("without a Content-Length is read completely", async () => {
        const body = new Blob(['["SET","k",', '"v"]']).stream()
        const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" }
        expect(await engine.rest.send("/", init)).toEqual(ok("OK"))
      })
    })

    describe("commands that REST does not support", () => {
      it.each([
        [["BLPOP", "l", "0"], "BLPOP"],
        [["brpop", "l", "0"], "BRPOP"],
        [["BLMOVE", "a", "b", "LEFT", "LEFT", "0"], "BLMOVE"],
        [["BZPOPMIN", "z", "0"], "BZPOPMIN"],
        [["XREAD", "BLOCK", "0", "STREAMS", "s", "$"], "XREAD BLOCK"],
        [["XREADGROUP", "GROUP", "g", "c", "block", "0", "STREAMS", "s", ">"], "XREADGROUP BLOCK"],
        [["MULTI"], "MULTI"],
        [["EXEC"], "EXEC"],
        [["WATCH", "k"], "WATCH"],
        [["UNWATCH"], "UNWATCH"],
        [["SUBSCRIBE", "c"], "SUBSCRIBE"],
        [["PSUBSCRIBE", "c*"], "PSUBSCRIBE"],
        [["MONITOR"], "MONITOR"],
        [["SELECT", "1"], "SELECT"],
        [["AUTH", "x"], "AUTH"],
        [["CLIENT", "LIST"], "CLIENT"],
        [["HELLO", "3"], "HELLO"],
        [["QUIT"], "QUIT"],
        [["RESET"], "RESET"],
        [["SHUTDOWN"], "SHUTDOWN"],
        [["SCRIPT", "DEBUG", "YES"], "SCRIPT DEBUG"],
      ])("are refused by name: %j", async (command, name) => {
        const { status, body } = await engine.rest.post("/", command)
        expect(status).toBe(400)
        const error = expect.stringContaining(`ERR Command is not available: '${name}'.`) as unknown
        expect(body).toEqual({ error })
      })

      it("do not include PING and ECHO", async () => {
        expect(await engine.rest.post("/", ["PING"])).toEqual(ok("PONG"))
        expect(await engine.rest.post("/", ["ECHO", "x"])).toEqual(ok("x"))
      })

      it("include /monitor", async () => {
        const { status, body } = await engine.rest.get("/monitor")
        expect(status).toBe(400)
        expect(body).toHaveProperty("error", expect.stringContaining("/monitor"))
      })
    })

    it("counts every request, including refused ones", async () => {
      const before = engine.requests
      await engine.rest.command("PING")
      await engine.rest.get("/get/k", { Authorization: "Bearer wrong" })
      await engine.rest.post("/pipeline", [["PING"], ["PING"]])
      expect(engine.requests - before).toBe(3)
    })

    it("counts the calls of each command in INFO commandstats, including calls by scripts", async () => {
      await engine.rest.command("CONFIG", "RESETSTAT")
      const script = "redis.call('SET', KEYS[1], 'v') return redis.call('GET', KEYS[1])"
      await engine.rest.command("EVAL", script, 1, "k")
      await engine.rest.command("GET", "k")
      const stats = String(await engine.rest.command("INFO", "commandstats"))
      expect(stats).toContain("cmdstat_eval:calls=1")
      expect(stats).toContain("cmdstat_set:calls=1")
      expect(stats).toContain("cmdstat_get:calls=2")
    })
  })
})

function ok(result: unknown) {
  return { status: 200, body: { result } }
}

function failed(error: string) {
  return { status: 400, body: { error } }
}
