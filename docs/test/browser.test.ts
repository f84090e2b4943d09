// The site in a real browser: no page has an error on its console or a fault that axe finds, at two widths and in both schemes.
// With `SCREENSHOTS=FOLDER`, it also writes a picture of each page that it visits.
import type { RunOptions } from "axe-core"
import type { Page } from "playwright-core"
import { expect, test } from "vitest"
import { faultsOf, noteProblems } from "./page-problems.js"
import { builtPages } from "./site.js"
import { DESKTOP, PHONE, SiteInChromium } from "./site-in-chromium.js"

const site = new SiteInChromium()

/** Loads a page, and returns what is wrong with it. */
async function visit(page: Page, path: string, rules: RunOptions): Promise<string[]> {
  const problems = noteProblems(page, site.url)
  await page.goto(`${site.url}/${path.replace(/(?<=^|\/)index$/, "")}`)
  // Once the page's program runs, what it does to the page is done.
  await page.waitForFunction("'__vue_app__' in document.getElementById('app')")
  const faults = await faultsOf(page, rules)
  page.removeAllListeners()
  return [...problems, ...faults]
}

/** The pages of the site; of the generated reference, which has one form, only some. */
const paths = [...builtPages().keys()].filter(
  (path) => !path.startsWith("api/") || /\/(?:index|LockManager|AcquireOptions)$/.test(path),
)

/** All rules of axe once; where only colors or widths change, only what depends on them. */
const ALL: RunOptions = {}
const VISIBLE: RunOptions = {
  runOnly: ["color-contrast", "target-size", "scrollable-region-focusable"],
}

test.for([
  { width: "desktop", viewport: DESKTOP, scheme: "light", rules: ALL },
  { width: "desktop", viewport: DESKTOP, scheme: "dark", rules: VISIBLE },
  { width: "phone", viewport: PHONE, scheme: "light", rules: VISIBLE },
  { width: "phone", viewport: PHONE, scheme: "dark", rules: VISIBLE },
] as const)(
  "no page has an error or a fault of accessibility: $width, $scheme",
  { timeout: 600_000 },
  async ({ width, viewport, scheme, rules }) => {
    const context = await site.newContext({ viewport, colorScheme: scheme })
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
