// What is measured on: a Redis of its own, the local REST server over it in a process of its own, and a wire between.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { Redis } from "ioredis"
import { startRedis } from "../test/support/redis-server.js"
import { percentile } from "./percentile.js"
import { startLatencyProxy } from "./latency-proxy.js"

/** The pieces, and what they have counted. */
export interface Testbed {
  readonly url: string
  readonly token: string
  /** The median time of a bare request on this wire, in milliseconds. */
  readonly rttMs: number
  /** Empties the database and begins to count anew. */
  reset(): Promise<void>
  /** Commands since the last reset as Upstash bills them: each script, each call inside, each subscription. */
  billedCommands(): Promise<number>
  close(): Promise<void>
}

const TOKEN = "bench"
const CLI = fileURLToPath(new URL("../dist/dev/cli.js", import.meta.url))

/** What the server and this program send for themselves. */
const NOT_BILLED = new Set([
  "config",
  "info",
  "client",
  "unsubscribe",
  "flushall",
  "command",
  "hello",
  "select",
])

/** @param rttMs what the wire adds to a round trip */
export async function openTestbed(rttMs: number): Promise<Testbed> {
  const redis = await startRedis()
  const server = await startServer(redis.url)
  const proxy = await startLatencyProxy(server.url, rttMs / 2)
  const admin = new Redis(redis.url)
  return {
    url: proxy.url,
    token: TOKEN,
    rttMs: await measureRtt(proxy.url),
    async reset() {
      await admin.flushall()
      await admin.config("RESETSTAT")
    },
    async billedCommands() {
      const stats = await admin.info("commandstats")
      let billed = 0
      for (const [, name = "", calls] of stats.matchAll(/cmdstat_([^:|]+)[^:]*:calls=(\d+)/g)) {
        if (!NOT_BILLED.has(name)) billed += Number(calls)
      }
      return billed
    },
    async close() {
      admin.disconnect()
      await proxy.close()
      server.process.kill("SIGTERM")
      await once(server.process, "exit")
      await redis.stop()
    },
  }
}

async function startServer(redis: string): Promise<{ url: string; process: ChildProcess }> {
  const child = spawn(
    process.execPath,
    [CLI, "dev", "--port", "0", "--token", TOKEN, "--redis", redis],
    { stdio: ["ignore", "pipe", "inherit"] },
  )
  let output = ""
  while (!/http:\/\/\S+/.test(output)) {
    const [chunk] = (await once(child.stdout, "data")) as [Buffer]
    output += chunk.toString()
  }
  return { url: /http:\/\/[\w.:]+/.exec(output)?.[0] ?? "", process: child }
}

async function measureRtt(url: string): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 30; i++) {
    const start = performance.now()
    const response = await fetch(url, {
      method: "POST",
      headers: { Authorization: `Bearer ${TOKEN}` },
      body: '["PING"]',
    })
    await response.text()
    times.push(performance.now() - start)
  }
  // The first ones open the connection and warm the server up.
  return percentile(times.slice(10), 0.5)
}
