// A report as a Markdown table: a row for each contender in each scenario, a column for each measurement. A single scenario is not named.
import type { Result } from "../result.js"
import type { Report } from "./report.js"

/** The columns: title, field, and number of decimals. */
const COLUMNS: readonly (readonly [title: string, field: keyof Result, decimals: number])[] = [
  ["time / limit", "ratio_to_limit", 2],
  ["requests", "requests_per_cs", 1],
  ["billed commands", "commands_per_cs", 1],
  ["hand-off, median", "handoff_p50_rtt", 2],
  ["hand-off, 99th", "handoff_p99_rtt", 2],
  ["inversions", "inversions", 0],
  ["fairness", "fairness", 2],
  ["CPU, ms", "cpu_ms_per_cs", 2],
  ["above limit", "cpu_ms_above_limit", 2],
  ["memory, KB", "heap_kb", 1],
]

export function tableOf({ contenders }: Report): string {
  const scenarios = new Set(Object.values(contenders).flatMap((results) => Object.keys(results)))
  const rows = [...scenarios].flatMap((scenario) =>
    Object.entries(contenders).flatMap(([name, results]) => {
      const result = results[scenario] as Result | undefined
      return result
        ? [[scenario, name, ...COLUMNS.map(([, field, n]) => shown(result[field], n))]]
        : []
    }),
  )
  const used = COLUMNS.map((_, i) => rows.some((row) => row[i + 2] !== ""))
  const shows = [scenarios.size > 1, true, ...used]
  const kept = (row: readonly string[]) => row.filter((_, i) => shows[i])
  const head = ["scenario", "contender", ...COLUMNS.map(([title]) => title)]
  const lines = [kept(head), kept(head).map(() => "---"), ...rows.map(kept)]
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")
}

function shown(value: number | null | undefined, decimals: number): string {
  return value === null || value === undefined ? "" : value.toFixed(decimals)
}
