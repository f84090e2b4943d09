// `npm run bench:docs -- FILE…`: puts what a run has written, or several have, into the documentation, as a table and as charts.
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { format, resolveConfig } from "prettier"
import { filesOf, withComparison, withReport } from "./report/docs.js"
import { merged, type Report } from "./report/report.js"

const docs = new URL("../../docs/", import.meta.url)

const files = process.argv.slice(2)
const read = async (file: string) => JSON.parse(await readFile(file, "utf8")) as Report
const [first, ...others] = await Promise.all(files.map(read))
if (!first) throw new TypeError("usage: npm run bench:docs -- FILE…")
const report = merged(first, others)
for (const [path, text] of Object.entries(filesOf(report))) {
  const target = new URL(path, docs)
  await mkdir(dirname(target.pathname), { recursive: true })
  await writeFile(target, text)
}
await rewrite("performance.md", (page) => withReport(page, report))
await rewrite("comparison.md", (page) => withComparison(page, report))

async function rewrite(name: string, change: (page: string) => string): Promise<void> {
  const file = new URL(name, docs)
  const written = change(await readFile(file, "utf8"))
  await writeFile(
    file,
    await format(written, { ...(await resolveConfig(file)), parser: "markdown" }),
  )
}
