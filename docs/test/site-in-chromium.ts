// The built site in the Chromium of this machine, for the tests of a file.
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
} from "playwright-core"
import { afterAll, beforeAll } from "vitest"
import { findChromium } from "../../test/support/chromium.js"
import { serveSite, type SiteServer } from "./serve-site.js"

export const DESKTOP = { width: 1280, height: 900 }
export const PHONE = { width: 390, height: 844 }

export class SiteInChromium {
  #browser: Browser | undefined
  #site: SiteServer | undefined

  /** Starts both before the tests of the file that calls it, and ends them afterwards. */
  constructor() {
    beforeAll(async () => {
      const executablePath = findChromium()
      // These tests must not pass without having run.
      if (!executablePath) throw new Error("chromium or google-chrome: must be on the path")
      this.#browser = await chromium.launch({ executablePath })
      this.#site = await serveSite()
    })
    afterAll(async () => {
      await this.#browser?.close()
      this.#site?.close()
    })
  }

  get url(): string {
    if (!this.#site) throw new Error("the site is served only while tests run")
    return this.#site.url
  }

  newContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    if (!this.#browser) throw new Error("Chromium runs only while tests run")
    return this.#browser.newContext({ viewport: DESKTOP, ...options })
  }
}
