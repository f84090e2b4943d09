// Scripts by text and by SHA-1, and the rule for scripts that lock only their keys.
import { createHash } from "node:crypto"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { engines, type OpenEngine, realRedis } from "./engines.js"

const NOSCRIPT = "NOSCRIPT No matching script. Please use EVAL."
const LOCKING = "#!lua flags=allow-key-locking\n"
const DYNAMIC_KEY =
  "ERR Dynamic keys are not allowed in Lua scripts when 'allow-key-locking' flag is set"

describe.each(engines)("scripts over the $name", ({ isAvailable, open }) => {
  describe.skipIf(!isAvailable)("", () => {
    let engine: OpenEngine
    beforeAll(async () => {
      engine = await open()
    })
    afterAll(() => engine.close())
    beforeEach(async () => {
      await engine.rest.command("FLUSHALL")
      await engine.rest.command("SCRIPT", "FLUSH")
    })

    describe.each([
      ["without the key-locking line", ""],
      ["with the key-locking line", LOCKING],
    ])("%s", (_, line) => {
      const source = `${line}return {KEYS[1], ARGV[1], redis.call("GET", KEYS[1])}`
      const sha = createHash("sha1").update(source).digest("hex")

      it("run by their SHA-1 after SCRIPT LOAD", async () => {
        await expect(engine.rest.command("EVALSHA", sha, 1, "k", "a")).rejects.toThrow(NOSCRIPT)
        expect(await engine.rest.command("SCRIPT", "LOAD", source)).toBe(sha)
        expect(await engine.rest.command("SCRIPT", "EXISTS", sha, "nope")).toEqual([1, 0])
        expect(await engine.rest.command("EVALSHA", sha, 1, "k", "a")).toEqual(["k", "a", null])
        const upper = sha.toUpperCase()
        expect(await engine.rest.command("EVALSHA_RO", upper, 1, "k", "a")).toEqual([
          "k",
          "a",
          null,
        ])
      })

      it("run by their SHA-1 after they ran by their text", async () => {
        await engine.rest.command("EVAL_RO", source, 1, "k", "a")
        expect(await engine.rest.command("EVALSHA", sha, 1, "k", "b")).toEqual(["k", "b", null])
      })

      it("are unknown after SCRIPT FLUSH", async () => {
        await engine.rest.command("SCRIPT", "LOAD", source)
        await engine.rest.command("SCRIPT", "FLUSH")
        expect(await engine.rest.command("SCRIPT", "EXISTS", sha)).toEqual([0])
        await expect(engine.rest.command("EVALSHA", sha, 1, "k", "a")).rejects.toThrow(NOSCRIPT)
      })

      it("are named in errors by the SHA-1 of the text that was sent", async () => {
        const failing = `${line}\nerror("boom")`
        const own = createHash("sha1").update(failing).digest("hex")
        const line3 = line === "" ? 2 : 3
        await expect(engine.rest.command("EVAL", failing, 0)).rejects.toThrow(
          new RegExp(`^ERR user_script:${line3}: boom script: ${own}`),
        )
      })

      it("that are not valid Lua are refused with the line number", async () => {
        const broken = `${line}\n\nlocal = 1`
        const at = line === "" ? 3 : 4
        for (const command of [
          ["EVAL", broken, "0"],
          ["SCRIPT", "LOAD", broken],
        ] as const) {
          await expect(engine.rest.command(...command)).rejects.toThrow(
            `ERR Error compiling script (new function): user_script:${at}:`,
          )
        }
      })
    })

    describe("with the key-locking line", () => {
      const run = (body: string, keys: string[] = [], ...args: string[]) =>
        engine.rest.command("EVAL", LOCKING + body, keys.length, ...keys, ...args)

      it.each([
        ["GET", `"GET", "other"`],
        ["SET", `"SET", "other", "v", "NX", "PX", "100"`],
        ["DEL of several", `"DEL", KEYS[1], "other"`],
        ["MSET", `"MSET", KEYS[1], "v", "other", "v"`],
        ["RENAME", `"RENAME", KEYS[1], "other"`],
        ["ZADD", `"ZADD", "other", 1, "m"`],
        ["a lower-case name", `"pexpire", "other", 100`],
        ["a number as a key", `"GET", 12`],
      ])("%s may not touch a key that is not in KEYS", async (_, call) => {
        await expect(run(`return redis.call(${call})`, ["k"])).rejects.toThrow(DYNAMIC_KEY)
        expect(await run(`return redis.pcall(${call}).err`, ["k"])).toBe(DYNAMIC_KEY)
        expect(await engine.rest.command("DBSIZE")).toBe(0)
      })

      it("every key in KEYS may be touched, and an argument that is not a key may have any value", async () => {
        const body = `
          redis.call("SET", KEYS[1], "other")
          redis.call("MSET", KEYS[1], "other", KEYS[2], "another")
          redis.call("ZADD", KEYS[3], 1, "a member")
          redis.call("PUBLISH", "a channel", "a message")
          redis.call("TIME")
          return redis.call("MGET", KEYS[1], KEYS[2])`
        expect(await run(body, ["a", "b", "z"])).toEqual(["other", "another"])
      })

      it("a key that is passed in a table of arguments is checked as well", async () => {
        const body = `return redis.call(unpack({"GET", ARGV[1]}))`
        await expect(run(body, [], "other")).rejects.toThrow(DYNAMIC_KEY)
      })

      it("on any line except the first it means nothing", async () => {
        const body = `\n${LOCKING}return {redis.call("SET", "other", "v").ok, redis.call("GET", "other")}`
        expect(await engine.rest.command("EVAL", body, 0)).toEqual(["OK", "v"])
      })

      it("other flags beside it still apply", async () => {
        const body = `#!lua flags=allow-key-locking,no-writes\nreturn redis.call("SET", KEYS[1], "v")`
        await expect(engine.rest.command("EVAL", body, 1, "k")).rejects.toThrow(
          "ERR Write commands are not allowed from read-only scripts.",
        )
      })
    })

    it("see a frozen clock: nothing expires while they run", async () => {
      const body = `
        redis.call("SET", KEYS[1], "v", "PX", 1)
        for i = 1, 20000 do
          if redis.call("GET", KEYS[1]) ~= "v" then return i end
        end
        return "still there"`
      expect(await engine.rest.command("EVAL", body, 1, "k")).toBe("still there")
      expect(await engine.rest.command("GET", "k")).toBeNull()
    })

    it("run one at a time, also for several clients", async () => {
      const body = `
        local n = tonumber(redis.call("GET", KEYS[1]) or 0)
        redis.call("SET", KEYS[1], n + 1)
        return n + 1`
      const counts = await Promise.all(
        Array.from({ length: 50 }, () => engine.rest.command("EVAL", body, 1, "k")),
      )
      expect(new Set(counts).size).toBe(50)
    })

    it("carry bytes that are not UTF-8", async () => {
      const reply = await engine.rest.post(
        "/",
        ["EVAL", "return string.char(0, 255, 128) .. KEYS[1]", "1", "é"],
        { "Upstash-Encoding": "base64" },
      )
      const bytes = Buffer.concat([Buffer.from([0, 255, 128]), Buffer.from("é")])
      expect(reply.body).toEqual({ result: bytes.toString("base64") })
    })
  })
})

describe.skipIf(!realRedis.isAvailable)("the key-locking line over a real Redis", () => {
  it.each([
    ["a number of keys", `"ZUNION", 2, KEYS[1], "other"`],
    ["a destination and a number of keys", `"ZUNIONSTORE", KEYS[1], 1, "other"`],
    ["keys behind a word", `"XREAD", "STREAMS", KEYS[1], "other", "0", "0"`],
    ["a subcommand", `"OBJECT", "ENCODING", "other"`],
    ["a number of keys at the front", `"LMPOP", 1, "other", "LEFT"`],
  ])("finds keys behind %s", async (_, call) => {
    const engine = await realRedis.open()
    try {
      const run = (text: string) =>
        engine.rest.command("EVAL", `${LOCKING}return redis.call(${text})`, 1, "k")
      await expect(run(call)).rejects.toThrow(DYNAMIC_KEY)
      await expect(
        run(call.replace(`"other"`, "KEYS[1]")).then(String, String),
      ).resolves.not.toContain("Dynamic keys")
    } finally {
      await engine.close()
    }
  })
})
