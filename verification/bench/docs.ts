// `npm run bench:docs -- [--part once] FILE…`: puts what a run has written, or several have, into the documentation, as a table and
// as charts.
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { format, resolveConfig } from "prettier"
import { parseArgs } from "node:util"
import { filesOf, PARTS, withReport } from "./report/docs.js"
import { merged, type Report } from "./report/report.js"

const docs = new URL("../../docs/", import.meta.url)
const page = new URL("performance.md", docs)

const { values, positionals: files } = parseArgs({
  options: { part: { type: "string", default: "results" } },
  allowPositionals: true,
})
const part = PARTS.find((it) => it === values.part)
const read = async (file: string) => JSON.parse(await readFile(file, "utf8")) as Report
const [first, ...others] = await Promise.all(files.map(read))
if (!first || !part) throw new TypeError("usage: npm run bench:docs -- [--part once] FILE…")
const report = merged(first, others)
for (const [path, text] of Object.entries(filesOf(report, part))) {
  const target = new URL(path, docs)
  await mkdir(dirname(target.pathname), { recursive: true })
  await writeFile(target, text)
}
const written = withReport(await readFile(page, "utf8"), report, part)
const style = await resolveConfig(page)
await writeFile(page, await format(written, { ...style, parser: "markdown" }))
