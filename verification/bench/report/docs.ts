// Writes a report for the documentation: a passage of Markdown, and its files.
import { CHARTS } from "./charts.js"
import type { Report } from "./report.js"
import { tableOf } from "./table.js"

const FOLDER = "benchmark"

/** The file that the page was made from: below `docs`, as its charts are. */
export const RESULTS = `${FOLDER}/results.json`

/** The files to write, by their path below `docs`. */
export function filesOf(report: Report): Readonly<Record<string, string>> {
  const charts = CHARTS.map(({ file, title, draw }) => [`${FOLDER}/${file}`, draw(report, title)])
  return {
    ...(Object.fromEntries(charts) as Record<string, string>),
    [RESULTS]: `${JSON.stringify(report, null, 2)}\n`,
  }
}

/** The page with the report in the place of an earlier one. */
export function withReport(page: string, report: Report): string {
  return withPassage(withPassage(page, "results", passageOf(report)), "sizes", sizesOf(report))
}

/** The scenario that the comparison shows. */
const COMPARED = "50 contenders, 50 ms, 1 cycle"

/** The page of the comparison, with one scenario of the report. */
export function withComparison(page: string, report: Report): string {
  const contenders = Object.fromEntries(
    Object.entries(report.contenders).flatMap(([name, { [COMPARED]: result }]) =>
      result ? [[name, { [COMPARED]: result }]] : [],
    ),
  )
  return withPassage(page, "comparison", tableOf({ ...report, contenders }))
}

function withPassage(page: string, name: string, passage: string): string {
  const begin = `<!-- ${name}: made by \`npm run bench:docs\`; do not edit -->`
  const end = `<!-- end of ${name} -->`
  const [before, rest = ""] = page.split(begin)
  const [, after] = rest.split(end)
  if (before === undefined || after === undefined) throw new Error("the page has no place for it")
  return `${before}${begin}\n\n${passage}\n\n${end}${after}`
}

function passageOf(report: Report): string {
  const { machine, versions, rtt_ms, left_out } = report
  const list = (record: Readonly<Record<string, string | number>>, unit = "") =>
    Object.entries(record)
      .map(
        ([name, value]) => `${name} ${typeof value === "number" ? rounded(value) : value}${unit}`,
      )
      .join(" · ")
  const missing = left_out.map(
    ({ scenario, contender = "all", why }) => `${scenario}: ${contender}, ${why}`,
  )
  const charts = CHARTS.map(({ file, title }) => `![${title}](${FOLDER}/${file})`)
  return [
    `${machine} · ${list(versions)}. Median round trip: ${list(rtt_ms, " ms")}.`,
    ...charts,
    tableOf(report),
    ...(missing.length > 0
      ? [`Left out, since it took too long or failed: ${missing.join(" · ")}.`]
      : []),
  ].join("\n\n")
}

function sizesOf({ bundle_bytes }: Report): string {
  const rows = Object.entries(bundle_bytes).map(
    ([name, size]) => `| ${name} | ${size.toLocaleString("en")} |`,
  )
  return ["| bundle, minified and gzipped | bytes |", "| --- | --- |", ...rows].join("\n")
}

function rounded(value: number): string {
  return value.toFixed(1)
}
