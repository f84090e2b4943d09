// Writes a report for the documentation: a passage of Markdown, and its files.
import { CHARTS } from "./charts.js"
import type { Report } from "./report.js"
import { tableOf } from "./table.js"

/** The report's data and the folder of its charts, relative to `docs`. */
export const RESULTS = "benchmark/results.json"
const FOLDER = "benchmark"
const BEGIN = "<!-- results: made by `npm run bench:docs`; do not edit -->"
const END = "<!-- end of the results -->"

/** The files to write, by their path below `docs`. */
export function filesOf(report: Report): Readonly<Record<string, string>> {
  const charts = CHARTS.map(({ file, title, draw }) => [`${FOLDER}/${file}`, draw(report, title)])
  return {
    ...(Object.fromEntries(charts) as Record<string, string>),
    [RESULTS]: `${JSON.stringify(report, null, 2)}\n`,
  }
}

/** The page with its report replaced. */
export function withReport(page: string, report: Report): string {
  const [before, rest = ""] = page.split(BEGIN)
  const [, after] = rest.split(END)
  if (before === undefined || after === undefined)
    throw new Error(`the page must contain ${BEGIN} and ${END}`)
  return `${before}${BEGIN}\n\n${passageOf(report)}\n\n${END}${after}`
}

function passageOf(report: Report): string {
  const { machine, versions, rtt_ms, left_out, bundle_bytes } = report
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
  const bytes = Object.entries(bundle_bytes).map(
    ([name, size]) => `| ${name} | ${size.toLocaleString("en")} |`,
  )
  return [
    `${machine} · ${list(versions)}. Median round trip: ${list(rtt_ms, " ms")}.`,
    ...charts,
    tableOf(report),
    ...(missing.length > 0
      ? [`Left out, since it took too long or failed: ${missing.join(" · ")}.`]
      : []),
    ["| bundle, minified and gzipped | bytes |", "| --- | --- |", ...bytes].join("\n"),
  ].join("\n\n")
}

function rounded(value: number): string {
  return value.toFixed(1)
}
