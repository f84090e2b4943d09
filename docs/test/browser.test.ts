// The site in a real browser: no page has an error on its console or a fault that axe finds, at two widths and in both schemes.
// With `SCREENSHOTS=FOLDER`, it also writes a picture of each page that it visits.
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import type { AxeResults } from "axe-core"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, expect, test } from "vitest"
import { launchChromium } from "./chromium.js"
import { serveSite, type SiteServer } from "./serve-site.js"
import { builtPages } from "./site.js"

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
const WIDTHS = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } }

let browser: Browser
let site: SiteServer

beforeAll(async () => {
  browser = await launchChromium()
  site = await serveSite()
})
afterAll(async () => {
  await browser.close()
  site.close()
})

/** Loads a page, and returns what is wrong with it. */
async function visit(page: Page, path: string, rules: object): Promise<string[]> {
  const problems: string[] = []
  const note = (text: string) => problems.push(text)
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) note(`console: ${message.text()}`)
  })
  page.on("pageerror", (error) => note(`error: ${error.message}`))
  page.on("request", (request) => {
    if (!request.url().startsWith(site.url) && !request.url().startsWith("data:"))
      note(`request to another host: ${request.url()}`)
  })
  await page.goto(`${site.url}/${path.replace(/(?<=^|\/)index$/, "")}`)
  // Once the page's program runs, what it does to the page is done.
  await page.waitForFunction("'__vue_app__' in document.getElementById('app')")
  await page.evaluate(AXE)
  const { violations } = await page.evaluate<AxeResults>(`axe.run(${JSON.stringify(rules)})`)
  for (const { id, nodes } of violations) {
    for (const { target, failureSummary } of nodes.slice(0, 3)) {
      note(`${id}: ${target.join(" ")}: ${String(failureSummary)}`)
    }
  }
  const isTooWide = await page.evaluate<boolean>(
    "document.documentElement.scrollWidth > document.documentElement.clientWidth",
  )
  if (isTooWide) note("is wider than the screen")
  page.removeAllListeners()
  return problems
}

/** The pages of the site; of the generated reference, which has one form, only some. */
const paths = [...builtPages().keys()].filter(
  (path) => !path.startsWith("api/") || /\/(?:index|LockManager|AcquireOptions)$/.test(path),
)

/** All rules of axe once; where only colors or widths change, only what depends on them. */
const ALL = {}
const VISIBLE = { runOnly: ["color-contrast", "target-size", "scrollable-region-focusable"] }

test.for([
  { width: "desktop", scheme: "light", rules: ALL },
  { width: "desktop", scheme: "dark", rules: VISIBLE },
  { width: "phone", scheme: "light", rules: VISIBLE },
  { width: "phone", scheme: "dark", rules: VISIBLE },
] as const)(
  "no page has an error or a fault of accessibility: $width, $scheme",
  { timeout: 300_000 },
  async ({ width, scheme, rules }) => {
    const context = await browser.newContext({ viewport: WIDTHS[width], colorScheme: scheme })
    const findings: { page: string; problem: string }[] = []
    const rest = [...paths]
    const visitRest = async () => {
      const page = await context.newPage()
      for (let path = rest.pop(); path !== undefined; path = rest.pop()) {
        for (const problem of await visit(page, path, rules)) findings.push({ page: path, problem })
        const folder = process.env["SCREENSHOTS"]
        const name = `${path.replaceAll("/", "-")}-${width}-${scheme}.png`
        if (folder) await page.screenshot({ path: `${folder}/${name}` })
      }
    }
    await Promise.all([visitRest(), visitRest()])
    await context.close()
    expect(findings).toEqual([])
  },
)
