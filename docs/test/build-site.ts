// Builds the site before its tests.
import { execFileSync } from "node:child_process"

export default function buildSite(): void {
  execFileSync(process.execPath, ["scripts/docs.mjs", "build"], { stdio: "inherit" })
}
