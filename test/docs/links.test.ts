// Relative links in the documentation lead to files and headings that exist, as GitHub shows them.
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { expect, test } from "vitest"
import { pagesOfDocs } from "./pages.js"

const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "packages/dev-server/README.md",
  ...pagesOfDocs(),
]

/** The text of a page without its code. */
const prose = (page: string) =>
  readFileSync(page, "utf8")
    .replace(/^ *```[^]*?^ *```$/gm, "")
    .replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, " "))

const cache = new Map<string, Set<string>>()

/** The fragments by which GitHub reaches the headings of a page. */
function headingsOf(page: string): Set<string> {
  const known = cache.get(page)
  if (known) return known
  const text = readFileSync(page, "utf8").replace(/^ *```[^]*?^ *```$/gm, "")
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) => slug(title))
  const anchors = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id)
  const found = new Set([...headings, ...anchors])
  cache.set(page, found)
  return found
}

function slug(title: string): string {
  return title
    .toLowerCase()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-")
}

test("no relative link is dead", () => {
  const dead: string[] = []
  let count = 0
  for (const page of PAGES) {
    for (const [, link = ""] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue
      count++
      const [path = "", fragment = ""] = link.split("#")
      const file = path === "" ? page : join(dirname(page), path)
      const isDead =
        !existsSync(file) ||
        (fragment !== "" && file.endsWith(".md") && !headingsOf(file).has(fragment))
      // The reference is generated, so a clone that has not built the site does not have it.
      if (isDead && !file.startsWith("docs/api/")) dead.push(`${page}: ${link}`)
    }
  }
  expect(count).toBeGreaterThan(150)
  expect(dead).toEqual([])
})
