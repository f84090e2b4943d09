// The playground in a real browser: each of its buttons does what it says, and faults do no harm.
// With `SCREENSHOTS=FOLDER`, it also writes pictures of a contention.
import { gzipSync } from "node:zlib"
import type { BrowserContextOptions, Page, Response } from "playwright-core"
import { describe, expect, test } from "vitest"
import { faultsOf, noteProblems } from "./page-problems.js"
import { DESKTOP, PHONE, SiteInChromium } from "./site-in-chromium.js"

const LARGEST_BYTES = 400_000

const site = new SiteInChromium()

type Name = "Ada" | "Ben" | "Cleo" | "Dan"
type Action = "Acquire" | "Share" | "Steal" | "Once" | "Release" | "Give up" | "Crash"

/** The page, by what a reader sees and does. */
class Playground {
  readonly problems: string[]
  readonly page: Page

  private constructor(page: Page) {
    this.page = page
    this.problems = noteProblems(page, site.url)
  }

  static async open(looks: BrowserContextOptions = {}): Promise<Playground> {
    const context = await site.newContext(looks)
    const playground = new Playground(await context.newPage())
    const { page } = playground
    await page.goto(`${site.url}/playground`)
    await page.getByRole("heading", { name: "Holders at once" }).waitFor()
    return playground
  }

  async do(name: Name, action: Action): Promise<void> {
    await this.page
      .getByRole("region", { name, exact: true })
      .getByRole("button", { name: action, exact: true })
      .click()
  }

  read(what: string): Promise<string> {
    return this.page.locator(`[data-test="${what}"]`).innerText()
  }

  async shows(what: string, text: RegExp | string, timeout = 5_000): Promise<void> {
    const found = this.page.locator(`[data-test="${what}"]`).filter({ hasText: text })
    await found.waitFor({ timeout }).catch(async () => {
      expect(await this.read(what), `${what}, after ${timeout} ms`).toMatch(text)
    })
  }

  phase(name: Name, text: RegExp | string, timeout?: number): Promise<void> {
    return this.shows(`phase-${name}`, text, timeout)
  }

  /** @returns the fencing token that its note names */
  async token(name: Name): Promise<number> {
    return Number(/fencing token (\d+)/.exec(await this.read(`note-${name}`))?.[1])
  }

  /** Ada holds the lock, Ben and Cleo wait in this order. */
  async contend(): Promise<void> {
    await this.do("Ada", "Acquire")
    await this.phase("Ada", "holding")
    await this.do("Ben", "Acquire")
    await this.phase("Ben", "number 1 in the queue")
    await this.do("Cleo", "Acquire")
    await this.phase("Cleo", "number 2 in the queue")
  }

  async close(): Promise<void> {
    await this.page.context().close()
    expect(this.problems).toEqual([])
  }
}

async function run(scenario: (playground: Playground) => Promise<void>): Promise<void> {
  const playground = await Playground.open()
  try {
    await scenario(playground)
  } finally {
    await playground.close()
  }
}

describe.concurrent("without faults", () => {
  test("visitors queue in order, and a release hands the lock on", () =>
    run(async (playground) => {
      await playground.contend()
      await playground.shows("queue", /^Ben\s*Cleo$/)
      const first = await playground.token("Ada")
      await playground.do("Ada", "Release")
      await playground.phase("Ben", "holding", 2_000)
      expect(await playground.token("Ben")).toBeGreaterThan(first)
      await playground.phase("Cleo", "number 1 in the queue")
      await playground.shows("lock", "held by Ben")
      await playground.do("Ben", "Release")
      await playground.phase("Cleo", "holding", 2_000)
      await playground.do("Cleo", "Release")
      await playground.shows("lock", "free")
      await playground.shows("verdict", "never more than one")
      expect(Number(await playground.read("requests"))).toBeGreaterThan(8)
      expect(Number(await playground.read("commands"))).toBeGreaterThan(20)
      await playground.shows("log", /Ada\s+release\s+answered/)
    }))

  test("after a crash, the next gets the lock when the lease is over, and not before", () =>
    run(async (playground) => {
      await playground.contend()
      await playground.do("Ada", "Crash")
      const crashedAt = Date.now()
      await playground.phase("Ada", "crashed")
      await playground.shows("lock", "held by Ada")
      await playground.phase("Ben", "holding", 12_000)
      expect(Date.now() - crashedAt).toBeGreaterThan(3_000)
      await playground.do("Ben", "Crash")
      await playground.phase("Cleo", "holding", 12_000)
      await playground.shows("verdict", "never more than one")
    }))

  test("a steal takes the lock at once, and the previous holder learns of it", () =>
    run(async (playground) => {
      await playground.contend()
      const first = await playground.token("Ada")
      await playground.do("Dan", "Steal")
      await playground.phase("Dan", "holding", 2_000)
      expect(await playground.token("Dan")).toBeGreaterThan(first)
      await playground.phase("Ada", "lost")
      await playground.shows("note-Ada", "lost the lock: stolen")
      await playground.do("Dan", "Release")
      await playground.phase("Ben", "holding", 2_000)
      await playground.shows("verdict", "never more than one")
    }))

  test("sharers hold the lock together, and a writer waits for both", () =>
    run(async (playground) => {
      await playground.do("Ada", "Share")
      await playground.do("Ben", "Share")
      await playground.phase("Ada", "sharing")
      await playground.phase("Ben", "sharing")
      await playground.do("Cleo", "Acquire")
      await playground.phase("Cleo", "number 1 in the queue")
      await playground.do("Ada", "Release")
      await playground.phase("Ada", "idle")
      await playground.phase("Cleo", "waiting")
      await playground.do("Ben", "Release")
      await playground.phase("Cleo", "holding", 2_000)
      await playground.shows("verdict", "never more than one")
    }))

  test("one run of the report serves all who ask meanwhile", () =>
    run(async (playground) => {
      // At once, so that none comes after the run, however busy the machine is.
      await playground.page
        .getByRole("button", { name: "Once", exact: true })
        .evaluateAll((buttons) => {
          for (const button of buttons) (button as HTMLElement).click()
        })
      const notes = []
      for (const name of ["Ada", "Ben", "Cleo", "Dan"] as const) {
        await playground.shows(`note-${name}`, "got “report 1 by", 8_000)
        notes.push(await playground.read(`note-${name}`))
      }
      expect(notes.filter((note) => note.includes("(ran it)"))).toHaveLength(1)
      expect(notes.filter((note) => note.includes("(joined that run)"))).toHaveLength(3)
    }))

  test("a waiter that gives up or crashes leaves the others in their order", () =>
    run(async (playground) => {
      await playground.contend()
      await playground.do("Dan", "Acquire")
      await playground.phase("Dan", "number 3 in the queue")
      await playground.do("Ben", "Give up")
      await playground.phase("Ben", "idle")
      await playground.phase("Cleo", "number 1 in the queue")
      await playground.do("Cleo", "Crash")
      await playground.do("Ada", "Release")
      await playground.phase("Dan", "holding", 8_000)
      await playground.shows("verdict", "never more than one")
    }))

  test("the judge shows an overlap where there is one", () =>
    run(async (playground) => {
      await playground.do("Ada", "Acquire")
      await playground.phase("Ada", "holding")
      await playground.page.getByRole("button", { name: "Delete the lock’s key" }).click()
      await playground.do("Ben", "Acquire")
      await playground.phase("Ben", "holding", 3_000)
      await playground.shows("verdict", /2 at once, for \d+\.\d s/)
    }))
})

describe.concurrent("with a fault", () => {
  test.for([
    ["Lose every third reply", "lost"],
    ["Delay requests", "delayed"],
    ["Cut the streams", "cut"],
  ] as const)("“%s”: all are served in turn, without an overlap", ([fault, counter]) =>
    run(async (playground) => {
      await playground.page.getByLabel(fault).check()
      await playground.contend()
      // Some streams last for two seconds.
      await playground.page.waitForTimeout(2_500)
      await playground.do("Ada", "Release")
      await playground.phase("Ben", "holding", 15_000)
      await playground.do("Ben", "Release")
      await playground.phase("Cleo", "holding", 15_000)
      await playground.do("Cleo", "Release")
      await playground.shows("lock", "free", 15_000)
      await playground.shows("verdict", "never more than one")
      expect(Number(await playground.read(counter))).toBeGreaterThan(0)
    }),
  )
})

describe.concurrent("the page", () => {
  test.for([
    { width: "desktop", scheme: "light", viewport: DESKTOP },
    { width: "desktop", scheme: "dark", viewport: DESKTOP },
    { width: "phone", scheme: "light", viewport: PHONE },
    { width: "phone", scheme: "dark", viewport: PHONE },
  ] as const)(
    "has no fault of accessibility in the middle of a contention: $width, $scheme",
    async ({ width, scheme, viewport }) => {
      const playground = await Playground.open({ viewport, colorScheme: scheme })
      const { page } = playground
      await page.getByLabel("Lose every third reply").check()
      await playground.do("Dan", "Share")
      await playground.phase("Dan", "sharing")
      await page.waitForTimeout(1_500)
      await playground.do("Dan", "Crash")
      await playground.do("Ada", "Acquire")
      await playground.phase("Ada", "holding", 12_000)
      await playground.do("Ben", "Acquire")
      await playground.do("Cleo", "Share")
      await playground.phase("Cleo", "number 2 in the queue", 8_000)
      await page.waitForTimeout(1_000)
      const folder = process.env["SCREENSHOTS"]
      if (folder) {
        const path = `${folder}/contention-${width}-${scheme}.png`
        await page.screenshot({ path, fullPage: true })
      }
      expect(await faultsOf(page)).toEqual([])
      await playground.close()
    },
  )

  test("works by keyboard, and tells a screen reader what happens", () =>
    run(async ({ page, ...playground }) => {
      const card = page.getByRole("region", { name: "Ada", exact: true })
      await card.getByRole("button", { name: "Acquire" }).focus()
      await page.keyboard.press("Enter")
      await page.locator("[aria-live=polite]").filter({ hasText: "Ada holds the lock" }).waitFor()
      expect(playground.problems).toEqual([])
    }))

  test("moves once a second at most for readers who want less motion", async () => {
    const playground = await Playground.open({ reducedMotion: "reduce" })
    await playground.do("Ada", "Acquire")
    await playground.phase("Ada", "holding")
    const changes = await playground.page.evaluate<number>(`new Promise((resolve) => {
      const lease = document.querySelector("[role=meter] div")
      let changes = 0
      new MutationObserver((records) => { changes += records.length }).observe(lease, { attributes: true })
      setTimeout(() => resolve(changes), 2_200)
    })`)
    expect(changes).toBeGreaterThan(0)
    expect(changes).toBeLessThanOrEqual(3)
    await playground.close()
  })

  test("has at most 400 kB, compressed, with the engine", async ({ annotate }) => {
    const context = await site.newContext()
    const page = await context.newPage()
    const responses: Response[] = []
    page.on("response", (response) => responses.push(response))
    await page.goto(`${site.url}/playground`)
    await page.getByRole("heading", { name: "Holders at once" }).waitFor()
    // VitePress also fetches the pages to which visible links lead. They are counted, too.
    await page.waitForLoadState("networkidle")
    const all = [...responses]
    const sizes = await Promise.all(
      all.map(async (response) => gzipSync(await response.body(), { level: 9 }).length),
    )
    const total = sizes.reduce((sum, size) => sum + size)
    expect(all.some((response) => response.url().endsWith(".wasm"))).toBe(true)
    expect(total).toBeGreaterThan(100_000)
    expect(total).toBeLessThanOrEqual(LARGEST_BYTES)
    await context.close()
    await annotate(`${total} bytes in ${all.length} files`)
  })
})
