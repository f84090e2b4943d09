// Starts the Chromium of this machine.
import { type Browser, chromium } from "playwright-core"
import { findChromium } from "../../test/support/chromium.js"

/** @throws Error if there is none: these tests must not pass without having run */
export function launchChromium(): Promise<Browser> {
  const executablePath = findChromium()
  if (!executablePath) throw new Error("chromium or google-chrome: must be on the path")
  return chromium.launch({ executablePath })
}
