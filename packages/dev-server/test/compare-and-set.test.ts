// SET … IFEQ and DELEX, on engines that have neither of them; and on servers that do, so that both mean the same.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { engines, onValkey } from "./engines.js"
import { ownCommands, type CommandsOfServer } from "./own-commands.js"

const overRest = [...engines, onValkey].map(({ name, isAvailable, open }) => ({
  name,
  isAvailable,
  open: async (): Promise<CommandsOfServer> => {
    const engine = await open()
    return {
      command: (...words) => engine.rest.command(...words),
      hasCommands: true,
      hasDelifeq: false,
      close: () => engine.close(),
    }
  },
}))

describe.each([...overRest, ...ownCommands])("compare-and-set over $name", (server) => {
  describe.skipIf(!server.isAvailable)("", () => {
    let opened: CommandsOfServer
    beforeAll(async () => {
      opened = await server.open()
    })
    afterAll(() => opened.close())
    beforeEach(async ({ skip }) => {
      // A Redis before 8.4 does not have them.
      if (!opened.hasCommands) skip()
      await opened.command("FLUSHALL")
    })

    const command = (...words: string[]) => opened.command(...words)

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

    it("SET IFEQ refuses options that are not known or exclude each other", async () => {
      await command("SET", "k", "v")
      for (const words of [["NOPE"], ["EX", "1", "PX", "1"]]) {
        await expect(command("SET", "k", "w", "IFEQ", "v", ...words)).rejects.toThrow(
          /^ERR syntax error$/,
        )
      }
      await expect(command("SET", "k", "w", "IFEQ")).rejects.toThrow(/^ERR syntax error$/)
      expect(await command("GET", "k")).toBe("v")
    })

    it("DELEX deletes only the expected value", async () => {
      await command("SET", "k", "v")
      expect(await command("DELEX", "k", "IFEQ", "other")).toBe(0)
      expect(await command("DELEX", "k", "IFEQ", "v")).toBe(1)
      expect(await command("DELEX", "k", "IFEQ", "v")).toBe(0)
      await command("SET", "k", "v")
      expect(await command("DELEX", "k")).toBe(1)
    })

    it("exactly one of many callers that expect the same value wins", async () => {
      await command("SET", "k", "free")
      const replies = await Promise.all(
        Array.from({ length: 50 }, (_, i) => command("SET", "k", `owner-${i}`, "IFEQ", "free")),
      )
      expect(replies.filter((reply) => reply === "OK")).toHaveLength(1)
    })

    it("DELEX refuses what Redis refuses, in its words", async ({ skip }) => {
      if (opened.hasDelifeq) skip()
      await command("RPUSH", "l", "x")
      await command("SET", "k", "v")
      for (const [words, message] of [
        [["l", "IFEQ", "x"], "ERR Key should be of string type if conditions are specified"],
        [["k", "NOPE", "v"], "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"],
        [["k", "IFEQ"], "ERR wrong number of arguments for 'delex' command"],
        [["k", "IFEQ", "v", "w"], "ERR wrong number of arguments for 'delex' command"],
      ] as const) {
        const error = await command("DELEX", ...words).catch((e: unknown) => e)
        expect((error as Error).message).toBe(message)
      }
      expect(await command("DELEX", "l")).toBe(1)
    })

    it("another condition than IFEQ is refused by the embedded engine", async ({ skip }) => {
      if (server.name !== "embedded engine") skip()
      await expect(command("SET", "k", "w", "IFNE", "v")).rejects.toThrow("not supported")
      await expect(command("DELEX", "k", "IFNE", "v")).rejects.toThrow("not supported")
    })
  })
})
