// The testbed: a Redis, the local REST server over it, and a wire before each, each in its own process.
import { fileURLToPath } from "node:url"
import { Redis } from "ioredis"
import { startRedis } from "../../../test/support/redis-server.js"
import { billedCommands } from "../../../test/support/billed-commands.js"
import { recordFetches } from "./fetch-recorder.js"
import { percentile } from "./percentile.js"
import { type Program, startProgram } from "./process.js"

/** The parts of the testbed, and their counters. */
export interface Testbed {
  /** The REST API, at the end of the wire. */
  readonly url: string
  readonly token: string
  /** The Redis over TCP, at the end of an equally long wire. */
  readonly redisUrl: string
  /** What the wire adds to a round trip, in milliseconds. */
  readonly addedMs: number
  /** The median time of a bare request on this wire, in milliseconds. */
  readonly rttMs: number
  /** Opens an equally long wire to another local server. */
  wireTo(port: number): Promise<string>
  /** Empties the database. */
  flush(): Promise<void>
  /** Runs the work and counts what it sends. */
  count(work: () => Promise<unknown>): Promise<Counted>
  close(): Promise<void>
}

/** The requests of some work. */
export interface Counted {
  /** The bodies of all HTTP requests. */
  readonly bodies: readonly string[]
  /** Commands, as Upstash bills them. */
  readonly commands: number
}

const TOKEN = "bench"
const CLI = fileURLToPath(new URL("../../../packages/dev-server/dist/bin.js", import.meta.url))
const WIRE = fileURLToPath(new URL("wire.ts", import.meta.url))

/** @param addedMs what the wire adds to a round trip; 0: no wire at all */
export async function openTestbed(addedMs: number): Promise<Testbed> {
  const redis = await startRedis()
  const programs: Program[] = []
  const start = async (args: readonly string[], ready: RegExp) => {
    const program = await startProgram(args, ready)
    programs.push(program)
    return program.output
  }
  const wireTo = async (port: number) => {
    if (addedMs === 0) return `127.0.0.1:${port}`
    const args = ["--import", "tsx", WIRE, String(port), String(addedMs / 2)]
    return `127.0.0.1:${(await start(args, /\d+\n/)).trim()}`
  }
  const server = ["--port", "0", "--token", TOKEN, "--redis", redis.url]
  const output = await start([CLI, ...server], /http:\/\/\S+/)
  const serverUrl = new URL(/http:\/\/[\w.:]+/.exec(output)?.[0] ?? "")
  const url = `http://${await wireTo(Number(serverUrl.port))}`
  const redisUrl = `redis://${await wireTo(redis.port)}`
  const admin = new Redis(redis.url)
  return {
    url,
    token: TOKEN,
    redisUrl,
    addedMs,
    rttMs: await measureRtt(url),
    wireTo,
    async flush() {
      await admin.flushall()
    },
    async count(work) {
      await admin.config("RESETSTAT")
      const bodies = await recordFetches(work)
      return { bodies, commands: billedCommands(await admin.info("commandstats")) }
    },
    async close() {
      admin.disconnect()
      await Promise.all(programs.map((program) => program.stop()))
      await redis.stop()
    },
  }
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
  // The first requests open the connection and warm up the server.
  return percentile(times.slice(10), 0.5)
}
