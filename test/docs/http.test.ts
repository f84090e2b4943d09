// Runs the sessions and the client in docs/http.md, and compares their output with the page.
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { serve, type ServerType } from "@hono/node-server"
import { type Context, Hono } from "hono"
import { timingSafeEqual } from "hono/utils/buffer"
import { afterAll, beforeAll, expect, test } from "vitest"
import { lockRoutes } from "../../src/http/hono/index.js"
import { LockManager } from "../../src/index.js"
import { type Database, openDatabase } from "../support/variants.js"

const page = readFileSync("docs/http.md", "utf8")
const SECRET = "of-the-docs"

let database: Database
let server: ServerType
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  database = await openDatabase("embedded engine")
  const { url, token } = database
  const app = new Hono()
  const locks = new LockManager({ redis: { url, token } })
  const authorize = (c: Context) =>
    timingSafeEqual(c.req.header("Authorization") ?? "", `Bearer ${SECRET}`)
  app.route("/locks", lockRoutes({ locks, authorize }))
  server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 })
  if (!server.listening) await once(server, "listening")
  const { port } = server.address() as AddressInfo
  const LOCKS = `http://127.0.0.1:${String(port)}/locks`
  env = { ...process.env, LOCKS, SECRET, AUTH: `Authorization: Bearer ${SECRET}` }
})

afterAll(async () => {
  server.close()
  await database.close()
})

/** The fenced blocks of a language. */
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map(
    ([, code = ""]) => code,
  )

const has = (command: string) => spawnSync(command, ["--version"]).status === 0

test.runIf(has("curl")).each(blocks("console"))(
  "the curl session prints what docs/http.md shows: %.60s",
  async (session) => {
    const steps = session.split(/^\$ /m).slice(1)
    // One shell, since a session has variables; a separator line splits its output.
    const script = steps.map((step) => `${step.split("\n")[0] ?? ""}\necho; echo "-- end --"\n`)
    const shell = spawn("bash", ["-c", script.join("")], { env, stdio: ["ignore", "pipe", "pipe"] })
    const printed = (await textOf(shell.stdout)).split("-- end --")
    expect(steps.length).toBeGreaterThan(2)
    for (const [index, step] of steps.entries()) {
      const promised = step.trim().split("\n").slice(1).map(stable)
      const lines = (printed[index] ?? "").split("\n").map(stable)
      // Headers are left out of the page, and come in any order.
      for (const line of promised) expect(lines).toContain(line)
    }
  },
)

test.runIf(has("python3"))("the client in Python keeps four processes apart", async () => {
  const [client = "", usage = ""] = blocks("python")
  expect(client.trimEnd().split("\n").length).toBeLessThanOrEqual(22)
  const folder = await mkdtemp(join(tmpdir(), "fetchlock-python-"))
  try {
    const [file, program] = [join(folder, "count"), join(folder, "client.py")]
    await writeFile(file, "0")
    await writeFile(
      program,
      [
        client,
        "import time",
        "def charge():",
        `    count = int(open(${JSON.stringify(file)}).read())`,
        "    time.sleep(0.05)",
        `    open(${JSON.stringify(file)}, "w").write(str(count + 1))`,
        "    extend()",
        "for _ in range(3):",
        ...usage
          .trimEnd()
          .split("\n")
          .map((line) => `    ${line}`),
        "",
      ].join("\n"),
    )
    const runs = Array.from({ length: 4 }, async () => {
      const child = spawn("python3", [program], { env, stdio: ["ignore", "ignore", "pipe"] })
      const [complaints] = await Promise.all([textOf(child.stderr), once(child, "close")])
      return [child.exitCode, complaints]
    })
    expect(await Promise.all(runs)).toEqual(Array(4).fill([0, ""]))
    expect(await readFile(file, "utf8")).toBe("12")
  } finally {
    await rm(folder, { recursive: true })
  }
})

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ""
  for await (const chunk of stream) text += String(chunk)
  return text
}

/** A line without the parts that differ from run to run. */
function stable(line: string): string {
  return line
    .trim()
    .replace(/fl_[\w-]+/, "fl_")
    .replace(/^(retry-after): [1-5]$/, "$1: n")
    .replace(/"(remainingMs|waitedMs)":\d+/g, '"$1":n')
}
