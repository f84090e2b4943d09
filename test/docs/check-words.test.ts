// The check of words can fail: it finds phrases that read like a translation, in prose and in code, and accepts plain sentences.
import { spawnSync } from "node:child_process"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fetchlock-words-"))
})

afterAll(() => rm(folder, { recursive: true }))

/** Runs the check on one file, and returns its exit code and the lines of its findings. */
async function check(name: string, text: string) {
  const file = join(folder, name)
  await writeFile(file, text)
  const { status, stderr } = spawnSync("node", ["scripts/check-words.mjs", file], {
    encoding: "utf8",
  })
  const lines = [...stderr.matchAll(/^\S+:(\d+) /gm)].map(([, line]) => Number(line))
  return { status, lines: [...new Set(lines)].sort((a, b) => a - b), stderr }
}

test("the check of words finds each phrase in prose that has a better form", async () => {
  const sentences = [
    "A body that is no JSON is refused.",
    "Who finds it held is answered 423.",
    "It is given to whoever asks.",
    "A semaphore grants so many permits.",
    "It must be a whole number.",
    "It is 1 from 1 on.",
    "Polling is dearer.",
    "Three databases bear one failure.",
    "The robbed holder gets an error.",
    "The holder is told of it.",
    "You hear of the grant.",
    "It looks at each key.",
    "The name is made of the request.",
    "The answer is none that this command can have.",
    "It is an error that befell them all.",
    "The release failed for good.",
    "The database answered rubbish.",
    "The licence is below.",
  ]
  const { status, lines } = await check("bad.md", sentences.join("\n\n"))
  expect(lines).toEqual(sentences.map((_, index) => 2 * index + 1))
  expect(status).toBe(1)
})

test("the check of words prints the file, the line, the phrase and the better form", async () => {
  const { stderr } = await check("named.md", "# A title\n\nThe lock comes back for\ngood.\n")
  expect(stderr).toMatch(/named\.md:3 {2}"for good" → permanently\n/)
})

test("the check of words reads comments and strings in code, and not identifiers", async () => {
  const code = [
    "const heard = so_many()",
    "// It is dearer, and bears",
    "/**",
    " * Whatever is made",
    " * of two lines.",
    " */",
    'throw new Error("a body that is no JSON")',
    "throw new Error(`HTTP ${status} with rubbish`)",
    "const robbed = 1",
  ]
  const { status, lines } = await check("bad.ts", code.join("\n"))
  expect(lines).toEqual([2, 4, 7, 8])
  expect(status).toBe(1)
})

test("the check of words reads comments and names in tests, and no other strings", async () => {
  const code = [
    "// It bears a failure.",
    'describe.concurrent("who polls", () => {',
    '  test("that it is robbed", () => {})',
    "  it.each([",
    '    ["a body that is no JSON", "the body is no JSON"],',
    '  ])("%s is rubbish", () => {})',
    "  test.skipIf(!isThere)(`is dearer than ${other} and robbed`, () => {",
    '    expect(error.message).toBe("the body is no JSON")',
    "  })",
    "})",
    'export const mutants = [{ file: "robbed.lua", breaks: "the robbed holder hears" }]',
  ]
  await mkdir(join(folder, "test"), { recursive: true })
  const { lines } = await check(join("test", "bad.test.ts"), code.join("\n"))
  expect(lines).toEqual([1, 3, 5, 6, 7, 11])
})

test("the check of words reads the comments of Lua", async () => {
  const { lines } = await check("bad.lua", "local heard = 1\n-- Whoever asks is told.\n")
  expect(lines).toEqual([2])
})

test("the check of words accepts plain sentences", async () => {
  const { status, stderr } = await check(
    "good.md",
    [
      "# What is trusted",
      "A lock that is no longer held is lost. There is no queue.",
      "If the lock is held, the request gets a 423. Who holds it? `query` lists the holders.",
      "Callers who wait are served in order. An error says what is wrong.",
    ].join("\n\n"),
  )
  expect(stderr).toBe("")
  expect(status).toBe(0)
})
