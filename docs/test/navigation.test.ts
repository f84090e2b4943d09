// Whether readers find each page: the navigation leads to it, and each link leads to a page and a heading that exist.
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { expect, test } from "vitest"
import { apiModules, IN_THE_BAR, SECTIONS } from "../.vitepress/navigation.js"
import { builtPages, DIST } from "./site.js"

const pages = builtPages()
const listed = [
  ...IN_THE_BAR,
  ...SECTIONS.flatMap((section) => section.pages).map(({ page }) => page),
  ...apiModules()
    .flatMap((module) => [module, ...module.pages])
    .map(({ page }) => page),
]

test("the navigation leads to each page once, and to nothing else", () => {
  expect([...pages.keys()].sort()).toEqual([...listed].sort())
})

test("each link of a page leads to a page and a heading that exist", () => {
  const dead: string[] = []
  let count = 0
  for (const [page, html] of pages) {
    const links = html.matchAll(/<a\b[^>]*? href="([^"]*)"/g)
    for (const [, href = ""] of links) {
      if (/^(?:https?|mailto):/.test(href)) continue
      count++
      const [path = "", heading = ""] = href.replaceAll("&amp;", "&").split("#")
      const target = path === "" ? page : resolveLink(page, decodeURI(path))
      const content = pages.get(target)
      if (content === undefined && existsSync(join(DIST, target))) continue
      if (content === undefined) dead.push(`${page}: ${href}`)
      else if (heading && !content.includes(` id="${decodeURIComponent(heading)}"`))
        dead.push(`${page}: ${href} (heading)`)
    }
  }
  expect(count).toBeGreaterThan(1_000)
  expect(dead).toEqual([])
})

/** @returns the page to which a link leads, without a slash at its beginning */
function resolveLink(page: string, path: string): string {
  const full = path.startsWith("/") ? path.slice(1) : join(dirname(page), path)
  return full === "" || full.endsWith("/") ? `${full}index` : full.replace(/\.html$/, "")
}
