// Checks that the docs quote names of tests that exist.
import { readdirSync, readFileSync } from "node:fs"
import { expect, test } from "vitest"

const tests = readdirSync("test", { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => readFileSync(`test/${file}`, "utf8"))
  .join("\n")

/** Names in italics, on one line each. */
const quoted = [
  ...readFileSync("docs/scripts.md", "utf8").matchAll(/(?<![\w`{/])_([a-z][^_`]{12,}?)_(?!\w)/g),
].map(([, name = ""]) => name.replace(/\s+/g, " "))

test("docs/scripts.md quotes the names of tests", () => {
  expect(quoted.length).toBeGreaterThan(20)
})

test.each(quoted)("docs/scripts.md quotes a test that exists: %s", (name) => {
  // A name may have placeholders: for the reader they are "…", or the value of one case.
  const parts = name.split(/…|"\w+": .*/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
  expect(tests).toMatch(new RegExp(`["'\`]${parts.join("[^\n]*")}["'\`]`))
})
