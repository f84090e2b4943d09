// Runs before all tests: builds the packages, which some of them run, and provides a real redis-server and a Chromium.
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { findChromium } from "./chromium.js"
import { hasRedisServer } from "./redis-server.js"

/** The test files that use a real Redis import one of these. */
const NEEDS_REDIS = /\b(hasRedisServer|describeOnRedis|describeVariants|onRedis|engines)\b.* from "/
/** Debian's packages start no service if this script says so. */
const SERVICE_POLICY = "/usr/sbin/policy-rc.d"

export default function setup(): void {
  build()
  provideRedis()
  provideChromium()
}

function provideRedis(): void {
  if (hasRedisServer() || canInstall("redis-server")) return
  console.log(
    [
      "There is no redis-server on the PATH, so the tests run on the embedded engine only.",
      "These cannot run, in whole or in part:",
      ...suitesThatNeedRedis().map((suite) => `  ${suite}`),
    ].join("\n"),
  )
}

function provideChromium(): void {
  if (findChromium() !== undefined || canInstall("chromium")) return
  console.log("There is no Chromium, so test/cli/ui.test.ts cannot run in whole.")
}

function build(): void {
  const { status, stdout, stderr } = spawnSync("npm", ["run", "build:stale"], { encoding: "utf8" })
  if (status !== 0) throw new Error(`npm run build:stale failed:\n${stdout}${stderr}`)
}

/** Installs a package of Debian; false if that is not possible. */
function canInstall(name: string): boolean {
  if (process.getuid?.() !== 0 || spawnSync("apt-get", ["--version"]).status !== 0) return false
  console.log(`There is no ${name}: installing Debian's.`)
  const isInstalled = install(name)
  if (!isInstalled) console.log("Installing it failed.")
  return isInstalled
}

function install(name: string): boolean {
  const hasPolicy = existsSync(SERVICE_POLICY)
  if (!hasPolicy) writeFileSync(SERVICE_POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 })
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
    execFileSync("apt-get", ["update", "-q"], { stdio: "ignore", env })
    const options = ["install", "-y", "-q", "--no-install-recommends", name]
    execFileSync("apt-get", options, { stdio: "ignore", env })
    return true
  } catch {
    return false
  } finally {
    if (!hasPolicy) rmSync(SERVICE_POLICY)
  }
}

function suitesThatNeedRedis(): string[] {
  const suites = ["test", "packages/dev-server/test"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".test.ts"))
      .map((path) => `${folder}/${path}`),
  )
  return suites.filter((suite) => NEEDS_REDIS.test(readFileSync(suite, "utf8"))).sort()
}
