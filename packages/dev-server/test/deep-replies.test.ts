// Replies of scripts that are nested without end or too large: the command fails, and the server continues.
import { describe, expect, it, vi } from "vitest"
import { embedded, engines } from "./engines.js"

const SCRIPTS = [
  ["in itself", "local t = {} t[1] = t return t"],
  ["in itself beside other items", "local t = {1} t[2] = t t[3] = t return t"],
  ["9,000 levels deep", "local t = {} for i = 1, 9000 do t = {t} end return t"],
] as const

describe.each(engines)("over the $name", ({ name, isAvailable, open }) => {
  it.skipIf(!isAvailable).each(SCRIPTS.slice(0, 1))(
    "a reply nested %s is an error, and the next command gets its reply",
    async (_, script) => {
      const engine = await open()
      try {
        const { status, body } = await engine.rest.post("/", ["EVAL", script, "0"])
        // Over a real Redis the reply is nested as deep as its stack allows, which the client may be able to read.
        expect(body).toHaveProperty(status === 200 ? "result" : "error")
        expect(status === 200 && name === "embedded engine").toBe(false)
        const isBack = async () => (await engine.rest.get("/ping")).status === 200
        await vi.waitUntil(isBack, { timeout: 5000 })
      } finally {
        await engine.close()
      }
    },
  )
})

describe("over the embedded engine", () => {
  it.each(SCRIPTS)("a reply nested %s costs no other command its reply", async (_, script) => {
    const engine = await embedded.open()
    try {
      const { body } = await engine.rest.post("/pipeline", [
        ["SET", "k", "v"],
        ["EVAL", script, "0"],
        ["GET", "k"],
      ])
      expect(body).toEqual([
        { result: "OK" },
        { error: "ERR reached lua stack limit" },
        { result: "v" },
      ])
    } finally {
      await engine.close()
    }
  })

  it("a reply that doubles in size with each level is an error", async () => {
    const engine = await embedded.open()
    try {
      const script = "local t = {1} for i = 1, 60 do t = {t, t} end return t"
      await expect(engine.rest.command("EVAL", script, 0)).rejects.toThrow(
        /more than (1000000|5000 ms)/,
      )
      const json = "local t = {1} for i = 1, 60 do t = {t, t} end return cjson.encode(t)"
      await expect(engine.rest.command("EVAL", json, 0)).rejects.toThrow(/excessive|5000 ms/)
      expect(await engine.rest.command("PING")).toBe("PONG")
    } finally {
      await engine.close()
    }
  })
})
