// The parts of the command line that are plain functions.
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { columns, durationText } from "../../src/cli/columns.js"
import { readEnvFile } from "../../src/cli/env-file.js"
import { createFetch } from "../../src/cli/http-fetch.js"
import { nearest } from "../../src/cli/nearest.js"
import { inQuotes, printable } from "../../src/cli/printable.js"
import { nameOf, noteKey } from "../../src/redis/keys.js"

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fetchlock-env-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test("an env file may have comments, quotes, `export` and Windows line ends", async () => {
  const file = join(folder, ".env")
  await writeFile(
    file,
    [
      "\ufeffA=1",
      "export B = two words",
      "# C=comment",
      "D='single # quoted' # comment",
      'E="double = quoted"',
      "F=value # comment",
      "G=a#b",
      "H=",
      "not a line",
      "  I=indented  ",
      'J="unclosed',
    ].join("\r\n"),
  )
  expect(readEnvFile(file)).toEqual({
    A: "1",
    B: "two words",
    D: "single # quoted",
    E: "double = quoted",
    F: "value",
    G: "a#b",
    H: "",
    I: "indented",
    J: '"unclosed',
  })
})

test("the nearest words have at most two typing errors", () => {
  const words = ["run", "release", "inspect", "ls"]
  expect(nearest("relase", words)).toEqual(["release"])
  expect(nearest("inspekt", words)).toEqual(["inspect"])
  expect(nearest("rnu", words)).toEqual([])
  expect(nearest("rum", words)).toEqual(["run"])
  expect(nearest("x".repeat(100_000), words)).toEqual([])
})

describe("text from a database is printed on one line, without what a terminal obeys or hides", () => {
  test.each([
    ["plain ünïcode 鍵 👩‍👩", "plain ünïcode 鍵 👩\\u{200d}👩"],
    ["\u001b[31m\u0007\u0000", "\\u{1b}[31m\\u{7}\\u{0}"],
    ["a\nb\r\tc", "a\\nb\\u{d}\\u{9}c"],
    ["\u009b31m\u202eabc\u2028\u{e0001}", "\\u{9b}31m\\u{202e}abc\\u{2028}\\u{e0001}"],
  ])("%j", (text, shown) => {
    expect(printable(text)).toBe(shown)
    expect(inQuotes(text)).toBe(`"${shown}"`)
  })
})

test("columns are as wide as their widest cell, also with wide characters", () => {
  expect(
    columns([
      ["A", "B"],
      ["鍵", "x"],
      ["long", ""],
    ]),
  ).toBe("A     B\n鍵    x\nlong\n")
  expect(columns([])).toBe("")
})

test("columns of very many rows are laid out, and one very long cell does not widen the others", () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [`name-${i}`, "x"])
  expect(columns(rows)).toMatch(/^name-0 {7}x\n/)
  const long = "y".repeat(32_000)
  expect(
    columns([
      ["NAME", "MODE"],
      [long, "shared"],
      ["short", "shared"],
    ]),
  ).toBe(`NAME   MODE\n${long}  shared\nshort  shared\n`)
})

test.each([
  [0, "0.0s"],
  [29_940, "29.9s"],
  [99_000, "99.0s"],
  [125_000, "2m 05s"],
  [3_599_000, "59m 59s"],
  [3_600_000, "1h 00m"],
  [90_000_000, "25h 00m"],
  [864_000_000, "10d"],
  [null, "no limit"],
])("%j ms are written as %s", (ms, text) => {
  expect(durationText(ms)).toBe(text)
})

test("a reply that breaks off fails its reader, and does no harm if nobody reads it", async () => {
  const server = createServer((_, response) => {
    response.writeHead(200, { "Content-Length": 1_000 }).write("half")
    setTimeout(() => response.destroy(), 30)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  try {
    const { port } = server.address() as AddressInfo
    const get = () => createFetch()(`http://127.0.0.1:${port}`, {})
    const uncaught = vi.fn()
    process.once("uncaughtException", uncaught)
    await get()
    await new Promise((resolve) => setTimeout(resolve, 100))
    process.off("uncaughtException", uncaught)
    expect(uncaught).not.toHaveBeenCalled()
    const reader = (await get()).body?.getReader()
    expect(await reader?.read()).toMatchObject({ done: false })
    await expect(reader?.read()).rejects.toThrow("aborted")
  } finally {
    server.close()
  }
})

test("the key of a note is never the name of a lock", () => {
  for (const prefix of ["lock:", "", "{a}:"]) {
    expect(nameOf(prefix, noteKey(prefix, "x", "client-1_a"))).toBeUndefined()
  }
  expect(nameOf("", "{x}:note:")).toBe("{x}:note:")
  expect(nameOf("lock:", "lock:{x}:note:a")).toBe("{x}:note:a")
})
