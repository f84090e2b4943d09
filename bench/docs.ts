// `npm run bench:docs -- FILE`: puts what a run has written into the documentation, as a table and as charts.
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { format, resolveConfig } from "prettier"
import { filesOf, withReport } from "./report/docs.js"
import type { Report } from "./report/report.js"

const docs = new URL("../docs/", import.meta.url)
const page = new URL("performance.md", docs)

const [file] = process.argv.slice(2)
if (file === undefined) throw new TypeError("usage: npm run bench:docs -- FILE")
const report = JSON.parse(await readFile(file, "utf8")) as Report
for (const [path, text] of Object.entries(filesOf(report))) {
  const target = new URL(path, docs)
  await mkdir(dirname(target.pathname), { recursive: true })
  await writeFile(target, text)
}
const written = withReport(await readFile(page, "utf8"), report)
const style = await resolveConfig(page)
await writeFile(page, await format(written, { ...style, parser: "markdown" }))
