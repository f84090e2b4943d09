// The texts for language models have every page, with the programs that it includes.
import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { SECTIONS } from "../.vitepress/navigation.js"
import { DIST } from "./site.js"

const pages = SECTIONS.flatMap((section) => section.pages)

test("llms.txt lists every page of the sidebar", () => {
  const list = readFileSync(`${DIST}/llms.txt`, "utf8")
  for (const { text, page } of pages) {
    expect(list).toContain(`- [${text}](/${page.replace(/\/index$/, "/")})`)
  }
})

test("llms-full.txt has every page, and the programs in the place where they are included", () => {
  const full = readFileSync(`${DIST}/llms-full.txt`, "utf8")
  for (const { page } of pages) {
    const title = /^# .*$/m.exec(readFileSync(`docs/${page}.md`, "utf8"))?.[0]
    expect(full).toContain(`${String(title)}\n`)
  }
  expect(full).toContain(readFileSync("examples/oauth/index.ts", "utf8"))
  expect(full).not.toMatch(/^<<< /m)
  expect(full).not.toMatch(/^<(?:script|[A-Z])/m)
})
