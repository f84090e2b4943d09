// SET … IFEQ and DELEX, on engines that have neither of them.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { engines, type OpenEngine } from "./engines.js"

describe.each(engines)("compare-and-set over the $name", ({ isAvailable, open }) => {
  describe.skipIf(!isAvailable)("", () => {
    let engine: OpenEngine
    beforeAll(async () => {
      engine = await open()
    })
    afterAll(() => engine.close())
    beforeEach(() => engine.rest.command("FLUSHALL"))

    const command = (...words: string[]) => engine.rest.command(...words)

    it("SET IFEQ writes only if the current value is the expected one", async () => {
      await command("SET", "k", "old")
      expect(await command("SET", "k", "new", "IFEQ", "other")).toBeNull()
      expect(await command("GET", "k")).toBe("old")
      expect(await command("SET", "k", "new", "IFEQ", "old")).toBe("OK")
      expect(await command("GET", "k")).toBe("new")
      expect(await command("SET", "none", "new", "IFEQ", "")).toBeNull()
    })

    it("SET IFEQ sets an expiry, keeps it or removes it", async () => {
      await command("SET", "k", "a")
      await command("set", "k", "b", "ifeq", "a", "px", "100000")
      expect(await command("TTL", "k")).toBe(100)
      await command("SET", "k", "c", "KEEPTTL", "IFEQ", "b")
      expect(await command("TTL", "k")).toBe(100)
      await command("SET", "k", "d", "EX", "50", "IFEQ", "c")
      expect(await command("TTL", "k")).toBe(50)
      await command("SET", "k", "e", "IFEQ", "d")
      expect(await command("TTL", "k")).toBe(-1)
      await command("SET", "k", "f", "IFEQ", "e", "PXAT", "4102444800000")
      expect(await command("PEXPIRETIME", "k")).toBe(4102444800000)
    })

    it("SET IFEQ GET returns the previous value", async () => {
      await command("SET", "k", "old")
      expect(await command("SET", "k", "new", "IFEQ", "other", "GET")).toBe("old")
      expect(await command("SET", "k", "new", "IFEQ", "old", "GET")).toBe("old")
      expect(await command("GET", "k")).toBe("new")
    })

    it("a value or a key may look like an option", async () => {
      expect(await command("SET", "IFEQ", "IFEQ")).toBe("OK")
      expect(await command("SET", "IFEQ", "GET", "IFEQ", "IFEQ")).toBe("OK")
      expect(await command("GET", "IFEQ")).toBe("GET")
    })

    it("SET IFEQ refuses options that cannot be combined with it", async () => {
      await command("SET", "k", "v")
      for (const words of [["NX"], ["XX"], ["IFEQ", "v"], ["NOPE"], ["EX", "1", "PX", "1"]]) {
        await expect(command("SET", "k", "w", "IFEQ", "v", ...words)).rejects.toThrow(
          /^ERR syntax error$/,
        )
      }
      await expect(command("SET", "k", "w", "IFEQ")).rejects.toThrow(/^ERR syntax error$/)
      await expect(command("SET", "k", "w", "IFNE", "v")).rejects.toThrow("not supported")
      expect(await command("GET", "k")).toBe("v")
    })

    it("DELEX deletes only the expected value", async () => {
      await command("SET", "k", "v")
      expect(await command("DELEX", "k", "IFEQ", "other")).toBe(0)
      expect(await command("DELEX", "k", "IFEQ", "v")).toBe(1)
      expect(await command("DELEX", "k", "IFEQ", "v")).toBe(0)
      await command("SET", "k", "v")
      expect(await command("DELEX", "k")).toBe(1)
      await expect(command("DELEX", "k", "IFEQ")).rejects.toThrow(/^ERR syntax error$/)
    })

    it("exactly one of many callers that expect the same value wins", async () => {
      await command("SET", "k", "free")
      const replies = await Promise.all(
        Array.from({ length: 50 }, (_, i) => command("SET", "k", `owner-${i}`, "IFEQ", "free")),
      )
      expect(replies.filter((reply) => reply === "OK")).toHaveLength(1)
    })

    it("a key of another type is an error that does not reveal how the command is implemented", async () => {
      await command("RPUSH", "l", "x")
      await expect(command("DELEX", "l", "IFEQ", "x")).rejects.toThrow(
        /^WRONGTYPE Operation against a key holding the wrong kind of value$/,
      )
    })
  })
})
