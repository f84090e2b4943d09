// Finds the Chromium of this machine.
import { spawnSync } from "node:child_process"

const NAMES = ["chromium", "chromium-browser", "google-chrome"]

/** Its path; undefined if there is none. */
export function findChromium(): string | undefined {
  for (const name of NAMES) {
    const { status, stdout } = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" })
    if (status === 0) return stdout.trim()
  }
  return undefined
}
