// A reader of the site finds what a problem needs: from the home page, by the search, on a phone; and can compute the costs.
import { readFileSync } from "node:fs"
import type { Page } from "playwright-core"
import { expect, onTestFinished, test } from "vitest"
import { DESKTOP, PHONE, SiteInChromium } from "./site-in-chromium.js"

const site = new SiteInChromium()

async function open(path: string, viewport = DESKTOP): Promise<Page> {
  const context = await site.newContext({ viewport })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  await page.goto(site.url + path)
  await page.waitForFunction("'__vue_app__' in document.getElementById('app')")
  return page
}

/** The first row of each problem in the README: its page, and a word of the call that solves it. */
const problems = [
  ...readFileSync("README.md", "utf8").matchAll(
    /^\| \[[^|]+\]\(docs\/([\w/-]+)\.md\) +\| `.*?(\w+)\(?.*`.*\|$/gm,
  ),
].map(([row, page = ""]) => ({
  page,
  call: /\b(once|semaphore|lead|idempotency|preempt|shared|fetchlock run)\b/.exec(row)?.[1] ?? "",
}))

test("one click on the home page leads from each problem to a page with its call", async () => {
  expect(problems).toHaveLength(9)
  const page = await open("/")
  for (const { page: path, call } of problems) {
    await page.locator(`.vp-doc table a[href$="/${path}"]`).click()
    await page.waitForURL(`${site.url}/${path}`)
    await page.locator("main pre").first().waitFor()
    expect(await page.locator("main").innerText(), path).toContain(call)
    await page.goBack()
    await page.waitForURL(`${site.url}/`)
  }
})

test.for([
  ["cron runs twice", "/guides/cron"],
  ["LockLostError", "/troubleshooting"],
  ["SET NX", "/comparison"],
  ["hand lock to another process", "/tasks"],
] as const)("the search for %s finds %s", async ([words, path]) => {
  const page = await open("/")
  await page.locator(".DocSearch-Button").click()
  await page.locator(".search-input").fill(words)
  await page.locator(".result").first().waitFor()
  const links = await page
    .locator(".result")
    .evaluateAll((results) => results.map((result) => result.getAttribute("href") ?? ""))
  expect(links.map((link) => link.split("#")[0])).toContain(path)
})

test("the menu of a phone leads to every section", async () => {
  const page = await open("/comparison", PHONE)
  await page.locator(".VPLocalNav .menu").click()
  await page.locator('.VPSidebar a[href="/concepts/queue"]').click()
  await page.locator("h1", { hasText: "Queue and hand-off" }).waitFor()
  expect(new URL(page.url()).pathname).toBe("/concepts/queue")
})

test("the calculator adds up what is typed", async () => {
  const page = await open("/costs")
  const result = page.locator(".calculator output")
  await page.getByLabel("Calls that have to wait").fill("0")
  expect(await result.innerText()).toContain("4,000,000 billed commands: $8.00 a month")
  await page.getByLabel("Calls a month").fill("100000")
  expect(await result.innerText()).toContain("$0.00 a month")
  await page.getByLabel("with fencing tokens").check()
  expect(await result.innerText()).toContain("900,000 billed commands: $1.80 a month")
})
