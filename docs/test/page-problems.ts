// Finds the faults of a page in a browser: on its console, in its requests, for assistive technology.
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import type { AxeResults, RunOptions } from "axe-core"
import type { Page } from "playwright-core"

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

/** @returns a list to which errors on the console, and requests to other hosts than `url`, are added from now on */
export function noteProblems(page: Page, url: string): string[] {
  const problems: string[] = []
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`console: ${message.text()}`)
  })
  page.on("pageerror", ({ message }) => problems.push(`error: ${message}`))
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:"))
      problems.push(`request to another host: ${request.url()}`)
  })
  return problems
}

/** @returns the faults that axe finds, and whether the page is wider than the screen */
export async function faultsOf(page: Page, rules: RunOptions = {}): Promise<string[]> {
  await page.evaluate(AXE)
  const { violations } = await page.evaluate<AxeResults>(`axe.run(${JSON.stringify(rules)})`)
  const faults = violations.flatMap(({ id, nodes }) =>
    nodes
      .slice(0, 3)
      .map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary ?? ""}`),
  )
  const isTooWide = await page.evaluate<boolean>(
    "document.documentElement.scrollWidth > document.documentElement.clientWidth",
  )
  return isTooWide ? [...faults, "is wider than the screen"] : faults
}
