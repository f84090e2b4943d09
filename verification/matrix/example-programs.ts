// Runs the examples for Deno and Bun, each in its own runtime.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

/** The environment of a program: its database. */
interface Database {
  readonly url: string
  readonly token: string
}

const PROGRAMS = {
  deno: (port: string) => [
    ...["serve", "--allow-net", "--allow-env", "--allow-read", "--port", port],
    "examples/deno/main.ts",
  ],
  bun: () => ["run", "examples/bun/main.ts"],
} as const

/**
 * Serves each program and has it count to ten with ten requests at once: without the lock some counts would be lost.
 *
 * @param folder the folder with the runtimes
 * @returns for each program null or the problem
 */
export async function runExamplePrograms(
  folder: string,
  database: Database,
): Promise<Record<string, string | null>> {
  const results: Record<string, string | null> = {}
  let port = 18_780
  for (const [runtime, argumentsOf] of Object.entries(PROGRAMS)) {
    const own = String(port++)
    const binary = join(folder, "node_modules", ".bin", runtime)
    const env = {
      ...process.env,
      PORT: own,
      UPSTASH_REDIS_REST_URL: database.url,
      UPSTASH_REDIS_REST_TOKEN: database.token,
    }
    const child = spawn(binary, argumentsOf(own), { env, stdio: "ignore" })
    try {
      results[runtime] = await countToTen(`http://127.0.0.1:${own}/`)
    } catch (error) {
      results[runtime] = String(error)
    } finally {
      child.kill("SIGKILL")
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
    }
  }
  return results
}

async function countToTen(url: string): Promise<string | null> {
  const first = await firstAnswer(url)
  const others = await Promise.all(Array.from({ length: 9 }, () => ask(url)))
  const counts = [first, ...others].sort((a, b) => a - b)
  const isWhole = counts.every((count, i) => count === i + 1)
  return isWhole ? null : `counted ${counts.join(", ")}`
}

/** Repeats the request until the program has started. */
async function firstAnswer(url: string): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask(url)
    } catch (error) {
      if (tries === 100) throw error
      await sleep(100)
    }
  }
}

async function ask(url: string): Promise<number> {
  const response = await fetch(url)
  return ((await response.json()) as { count: number }).count
}
