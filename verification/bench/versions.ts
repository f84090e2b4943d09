// The versions of everything that is measured and used.
import { execFileSync } from "node:child_process"
import { readFile } from "node:fs/promises"

const PACKAGES = ["@upstash/redis", "@upstash/lock", "redlock", "redis-semaphore", "miniflare"]

export async function versions(): Promise<Readonly<Record<string, string>>> {
  const redis = /v=([\d.]+)/.exec(execFileSync("redis-server", ["--version"]).toString())
  const found: Record<string, string> = { node: process.version, redis: redis?.[1] ?? "?" }
  for (const name of PACKAGES) {
    const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
    const { version } = JSON.parse(await readFile(file, "utf8")) as { version: string }
    found[name] = version.replace(/^v/, "")
  }
  return found
}
