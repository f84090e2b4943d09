// Runs the suite in each runtime and writes the table in docs/platforms.md. `--only <text>` runs some of them and writes nothing.
import { execFileSync } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { startDevServer } from "@fetchlock/dev-server"
import { format, resolveConfig } from "prettier"
import { runExamplePrograms } from "./example-programs.js"
import { nextRuntimes } from "./next.js"
import { installedRuntimes, RUNTIMES } from "./runtimes.js"
import { compileWithEach } from "./typescript.js"

const { values } = parseArgs({ options: { only: { type: "string" } } })

const PAGE = "docs/platforms.md"
/** The marks around the table. */
const TABLE = /(<!-- matrix -->\n)[^]*?(<!-- \/matrix -->)/

const folder = await mkdtemp(join(tmpdir(), "fetchlock-runtimes-"))
const server = await startDevServer({ port: 0 })
const rows: string[] = []
let failures = 0
try {
  await writeFile(join(folder, "package.json"), "{}")
  console.error("installing Deno and Bun")
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "deno", "bun"], { cwd: folder })
  const runtimes = [...RUNTIMES, ...installedRuntimes(folder), ...nextRuntimes(folder)]
  for (const { name, version, run } of runtimes) {
    if (values.only !== undefined && !name.includes(values.only)) continue
    const results = Object.entries(await run(server))
    const failed = results.filter(([, problem]) => problem !== null)
    for (const [check, problem] of failed) console.error(`${name}: ${check}: ${String(problem)}`)
    failures += failed.length
    const passed = `${results.length - failed.length} of ${results.length}`
    console.error(`${name} ${await version()}: ${passed}`)
    rows.push(`| ${name} | ${await version()} | ${passed} |`)
  }
  if (values.only === undefined) {
    for (const [runtime, problem] of Object.entries(await runExamplePrograms(folder, server))) {
      console.error(`examples/${runtime}: ${problem ?? "counted to ten"}`)
      if (problem !== null) failures++
    }
    for (const [compiler, problem] of Object.entries(await compileWithEach(folder))) {
      console.error(`${compiler}: ${problem ?? "compiles"}`)
      if (problem !== null) failures++
    }
  }
} finally {
  await server.close()
  await rm(folder, { recursive: true, force: true })
}
if (values.only === undefined) {
  const table = ["| runtime | version | checks passed |", "| --- | --- | --- |", ...rows].join("\n")
  const page = (await readFile(PAGE, "utf8")).replace(TABLE, `$1\n${table}\n\n$2`)
  const options = { ...(await resolveConfig(PAGE)), parser: "markdown" }
  await writeFile(PAGE, await format(page, options))
}
process.exitCode = failures === 0 ? 0 : 1
