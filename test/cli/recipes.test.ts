// The commands of docs/cli.md and of the guides, as a user runs them: from the packed package, in an empty folder.
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { type Database, openDatabase } from "../support/variants.js"

/** Programs of the user's that the commands start. */
const PROGRAMS = ["deploy.sh", "report.sh", "smoke-test.sh"]

let database: Database
let folder: string

beforeAll(async () => {
  database = await openDatabase("embedded engine")
  folder = await mkdtemp(join(tmpdir(), "fetchlock-recipes-"))
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder]
  const [{ filename }] = JSON.parse(execFileSync("npm", pack, { encoding: "utf8" })) as [
    { filename: string },
  ]
  await writeFile(join(folder, "package.json"), '{ "scripts": { "migrate": "echo migrated" } }')
  for (const program of PROGRAMS) {
    await writeFile(join(folder, program), `#!/bin/sh\necho "${program} holds $FETCHLOCK_NAME"\n`, {
      mode: 0o755,
    })
  }
  const install = ["install", "--offline", "--no-audit", "--no-fund", join(folder, filename)]
  execFileSync("npm", install, { cwd: folder, stdio: "pipe" })
}, 60_000)

afterAll(async () => {
  await database.close()
  await rm(folder, { recursive: true, force: true })
})

/** The shell commands of a page that start ours; `ui` does not end by itself, and needs a browser. */
function commandsOf(page: string): string[] {
  const blocks = [...readFileSync(page, "utf8").matchAll(/^ *```sh\n([^]*?)^ *```$/gm)]
  return blocks
    .flatMap(([, block = ""]) => block.split("\n").map((line) => line.trim()))
    .filter((line) => /^(npx )?fetchlock /.test(line) && line !== "fetchlock ui")
}

async function shell(line: string): Promise<{ code: number | null; out: string; err: string }> {
  const path = `${join(folder, "node_modules", ".bin")}${delimiter}${process.env["PATH"] ?? ""}`
  const child = spawn("bash", ["-euo", "pipefail", "-c", line], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      PATH: path,
      UPSTASH_REDIS_REST_URL: database.url,
      UPSTASH_REDIS_REST_TOKEN: database.token,
    },
  })
  let out = ""
  let err = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text))
  const [code] = (await once(child, "close")) as [number | null]
  return { code, out, err }
}

const commands = [...new Set(["docs/cli.md", "docs/guides/cron.md"].flatMap(commandsOf))]

test("there are commands of each kind", () => {
  for (const name of ["run", "ls", "inspect", "wait", "release", "doctor"]) {
    expect(
      commands.some((line) => line.includes(`fetchlock ${name}`)),
      name,
    ).toBe(true)
  }
})

test.each(commands)("%s", { timeout: 60_000 }, async (line) => {
  const { code, out, err } = await shell(line)
  expect({ line, code, err }).toEqual({ line, code: 0, err: "" })
  const [program] = PROGRAMS.filter((one) => line.includes(`-- ./${one}`))
  const [, name] = /fetchlock run (\S+)/.exec(line) ?? []
  if (program !== undefined) expect(out).toBe(`${program} holds ${name}\n`)
  if (line.includes("FENCING_TOKEN")) expect(out).toMatch(/^my turn has the number \d{16}\n$/)
  if (line.endsWith("--json"))
    expect(JSON.parse(out)).toMatchObject({ name: "deploy", holders: [] })
})

test("a second cron job finds the lock held, does nothing, and succeeds", async () => {
  const [line = ""] = commands.filter((command) => command.includes("--keep"))
  await new LockManager({ redis: database }).forceRelease("nightly")
  expect(await shell(line)).toMatchObject({ code: 0, out: "report.sh holds nightly\n" })
  expect(await shell(line)).toMatchObject({ code: 0, out: "" })
})
