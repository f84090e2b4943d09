// /pipeline runs commands in order; /multi-exec runs them as one transaction, or not at all.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { engines, type OpenEngine } from "./engines.js"

describe.each(engines)("batches over the $name", ({ isAvailable, open }) => {
  describe.skipIf(!isAvailable)("", () => {
    let engine: OpenEngine
    beforeAll(async () => {
      engine = await open()
    })
    afterAll(() => engine.close())
    beforeEach(() => engine.rest.command("FLUSHALL"))

    const pipeline = (...commands: unknown[]) => engine.rest.post("/pipeline", commands)
    const multiExec = (...commands: unknown[]) => engine.rest.post("/multi-exec", commands)

    it("a pipeline returns one result per command, in order, and continues after a failure", async () => {
      const reply = await pipeline(
        ["SET", "k", "v"],
        ["INCR", "k"],
        ["NOPE"],
        ["BLPOP", "l", "0"],
        ["GET", "k"],
      )
      expect(reply.status).toBe(200)
      expect(reply.body).toEqual([
        { result: "OK" },
        { error: "ERR value is not an integer or out of range" },
        { error: "ERR unknown command 'NOPE', with args beginning with: " },
        { error: expect.stringContaining("'BLPOP'") as unknown },
        { result: "v" },
      ])
    })

    it("a pipeline runs its commands in order, including scripts and compare-and-set", async () => {
      const { body } = await pipeline(
        ["RPUSH", "l", "1"],
        ["EVAL", "return redis.call('RPUSH', KEYS[1], '2')", "1", "l"],
        [
          "EVAL",
          "#!lua flags=allow-key-locking\nreturn redis.call('RPUSH', KEYS[1], '3')",
          "1",
          "l",
        ],
        ["SET", "k", "v"],
        ["SET", "k", "w", "IFEQ", "v"],
        ["DELEX", "k", "IFEQ", "w"],
        ["LRANGE", "l", "0", "-1"],
      )
      expect(body).toEqual([1, 2, 3, "OK", "OK", 1, ["1", "2", "3"]].map((result) => ({ result })))
    })

    it("a transaction returns one result per command, in order, also after a command that fails", async () => {
      const reply = await multiExec(["SET", "k", "v"], ["INCR", "k"], ["GET", "k"])
      expect(reply).toEqual({
        status: 200,
        body: [
          { result: "OK" },
          { error: "ERR value is not an integer or out of range" },
          { result: "v" },
        ],
      })
    })

    it("a transaction continues after a script that fails or an option that is invalid", async () => {
      const { status, body } = await multiExec(
        ["SET", "k", "v", "IFEQ"],
        ["EVAL", "#!lua flags=nope\nreturn 1", "0"],
        ["EVALSHA", "nope", "0"],
        ["SET", "k", "v"],
      )
      expect(status).toBe(200)
      expect(body).toEqual([
        { error: "ERR syntax error" },
        { error: "ERR Unexpected flag in script shebang: nope" },
        { error: "NOSCRIPT No matching script. Please use EVAL." },
        { result: "OK" },
      ])
    })

    it("a transaction may contain scripts and compare-and-set", async () => {
      const flagged = "#!lua flags=allow-key-locking\nreturn redis.call('SET', KEYS[1], ARGV[1])"
      const { body } = await multiExec(
        ["EVAL", flagged, "1", "k", "v"],
        ["EVAL", flagged, "0", "v"],
        ["SET", "k", "w", "IFEQ", "v"],
        ["DELEX", "k", "IFEQ", "w"],
      )
      const [first, second, ...others] = body as Record<string, unknown>[]
      expect(first).toEqual({ result: "OK" })
      expect(second).toHaveProperty("error")
      expect(others).toEqual([{ result: "OK" }, { result: 1 }])
    })

    it.each([
      ["an unknown command", ["NOPE"], "ERR unknown command 'NOPE'"],
      ["too few arguments", ["GET"], "ERR wrong number of arguments for 'get' command"],
      ["an unknown subcommand", ["SCRIPT", "NOPE"], "ERR unknown subcommand 'NOPE'"],
      ["a command that cannot travel over REST", ["BLPOP", "l", "0"], "'BLPOP'"],
    ])(
      "a transaction with %s runs no command and returns a single error",
      async (_, command, message) => {
        const { status, body } = await multiExec(["SET", "k", "v"], command)
        expect(status).toBe(400)
        expect(body).toEqual({ error: expect.stringContaining(message) as unknown })
        expect(await engine.rest.command("EXISTS", "k")).toBe(0)
      },
    )

    it("no other command runs between the commands of a transaction", async () => {
      const add = ["INCR", "k"]
      const replies = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          i % 2 === 0 ? multiExec(add, add, add) : engine.rest.post("/", add),
        ),
      )
      for (const { body } of replies) {
        if (!Array.isArray(body)) continue
        const [a = 0, b, c] = (body as { result: number }[]).map(({ result }) => result)
        expect([b, c]).toEqual([a + 1, a + 2])
      }
    })

    it("a time-to-live barely changes inside a transaction", async () => {
      const { body } = await multiExec(["SET", "k", "v", "PX", "50"], ["PTTL", "k"])
      // Redis itself reads its clock again if the two commands fall into different milliseconds.
      expect([50, 49]).toContain((body as { result: unknown }[])[1]?.result)
    })

    it.each(["/pipeline", "/multi-exec"])(
      "%s refuses a body that is not a list of commands",
      async (path) => {
        for (const body of ["", "{}", "[]", '["GET", "k"]', "[[]]", "[[null]]"]) {
          const reply = await engine.rest.post(path, body)
          expect({ body, status: reply.status }).toEqual({ body, status: 400 })
          expect(reply.body).toHaveProperty("error")
        }
      },
    )
  })
})
