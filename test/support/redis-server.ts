// Starts a real redis-server for a test, on a free port of this machine, which persists nothing by default.
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { createConnection, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>
  /** Freezes it: connections stay open and get no replies. */
  pause(): void
  resume(): void
  /** Ends it as a crash would. */
  kill(): Promise<void>
  /** Empties it. */
  flush(): Promise<void>
}

/** The program of the server: any that takes the options of redis-server, such as another version or valkey-server. */
const PROGRAM = process.env["FETCHLOCK_TEST_REDIS"] ?? "redis-server"

let found: boolean | undefined

/** @throws Error if the variable names a program that does not run: its tests must not count as skipped */
export function hasRedisServer(): boolean {
  found ??= spawnSync(PROGRAM, ["--version"]).status === 0
  if (!found && PROGRAM !== "redis-server") {
    throw new Error(`FETCHLOCK_TEST_REDIS: must be the path of a server program, got "${PROGRAM}"`)
  }
  return found
}

/**
 * Starts one.
 *
 * @param port default: any that is free
 * @param kept a directory of the caller's, where each write is on the disk before it is acknowledged, and from which the next
 * server that is started with it continues. Default: it persists nothing
 */
export async function startRedis(port?: number, kept?: string): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    const chosen = port ?? (await freePort())
    const directory = kept ?? (await mkdtemp(join(tmpdir(), "fetchlock-redis-")))
    const child = spawn(
      PROGRAM,
      [
        ...["--port", String(chosen), "--bind", "127.0.0.1", "--dir", directory],
        ...["--save", "", "--appendonly", kept === undefined ? "no" : "yes"],
        ...["--appendfsync", "always"],
      ],
      { stdio: ["ignore", "pipe", "ignore"] },
    )
    // So that a test run that is cut off leaves none behind.
    const killChild = () => child.kill("SIGKILL")
    process.once("exit", killChild)
    const gone = once(child, "exit").then(async () => {
      process.off("exit", killChild)
      if (kept === undefined) await rm(directory, { recursive: true, force: true })
    })
    if (await isReady(child)) return handle(child, chosen, gone)
    await gone
    // Another process may have taken the port in between; one that is wanted again is free again soon.
    if (attempt === 5) throw new Error(`redis-server did not start on ${chosen}`)
    if (port !== undefined) await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

function handle(child: ChildProcess, port: number, gone: Promise<void>): RedisServer {
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop: async () => {
      child.kill("SIGTERM")
      // A frozen server receives it when it resumes.
      child.kill("SIGCONT")
      await gone
    },
    kill: async () => {
      child.kill("SIGKILL")
      await gone
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    flush: async () => {
      const reply = await sendInline(port, "FLUSHALL")
      if (reply !== "+OK\r\n") throw new Error(`FLUSHALL answered ${reply}`)
    },
  }
}

/** False if it ended before it was ready. */
async function isReady(child: ChildProcess): Promise<boolean> {
  let log = ""
  for await (const chunk of child.stdout ?? []) {
    log += String(chunk)
    if (!log.includes("Ready to accept connections")) continue
    return true
  }
  return false
}

async function sendInline(port: number, command: string): Promise<string> {
  const socket = createConnection(port, "127.0.0.1")
  try {
    socket.write(`${command}\r\n`)
    const [reply] = (await once(socket, "data")) as [Buffer]
    return reply.toString()
  } finally {
    socket.destroy()
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  if (address === null || typeof address === "string") throw new Error("no port")
  return address.port
}
