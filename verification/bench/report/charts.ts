// Charts of a report, as SVG.
import { BarChart, LineChart } from "echarts/charts"
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components"
import { init, use } from "echarts/core"
import { SVGRenderer } from "echarts/renderers"
import type { Result } from "../result.js"
import type { Report } from "./report.js"

use([BarChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

const CROWDS = [2, 10, 50, 200]
const titleOf = (crowd: number) => `${crowd} contenders, 50 ms, 1 cycle`

/** A chart: its file name, its title, and the function that draws it. */
interface Chart {
  readonly file: string
  readonly title: string
  readonly draw: (report: Report, title: string) => string
}

export const CHARTS: readonly Chart[] = [
  {
    file: "makespan.svg",
    title: "Time as a ratio to the limit",
    draw: (report, title) => lines(report, title, "ratio_to_limit", "value"),
  },
  {
    file: "requests.svg",
    title: "HTTP requests for a critical section",
    draw: (report, title) => lines(report, title, "requests_per_cs", "log"),
  },
  {
    file: "commands.svg",
    title: "Billed commands for a critical section",
    draw: (report, title) => lines(report, title, "commands_per_cs", "log"),
  },
  { file: "hand-off.svg", title: "Hand-off in round trips, 50 contenders", draw: handOffs },
]

/** One line for each library, over the number of contenders. */
function lines(
  { contenders }: Report,
  text: string,
  field: keyof Result,
  type: "value" | "log",
): string {
  const measured = CROWDS.filter((crowd) =>
    Object.values(contenders).some((results) => fieldOf(results[titleOf(crowd)], field) !== null),
  )
  const series = Object.entries(contenders).flatMap(([name, results]) => {
    const data = measured.map((crowd) => fieldOf(results[titleOf(crowd)], field))
    const isUsed = data.some((value) => value !== null)
    return isUsed ? [{ type: "line" as const, name, data, connectNulls: true }] : []
  })
  return draw({
    title: { text },
    xAxis: {
      type: "category",
      data: measured,
      name: "contenders",
      nameLocation: "middle",
      nameGap: 28,
    },
    yAxis: { type, min: type === "log" ? 1 : 0.9 },
    series,
  })
}

/** Median and 99th percentile of the hand-off with fifty contenders. */
function handOffs({ contenders }: Report, text: string): string {
  const rows = Object.entries(contenders).flatMap(([name, results]) => {
    const result = results[titleOf(50)]
    const median = fieldOf(result, "handoff_p50_rtt")
    return median === null ? [] : [{ name, median, last: fieldOf(result, "handoff_p99_rtt") }]
  })
  return draw({
    title: { text },
    grid: { left: 210, bottom: 60 },
    xAxis: { type: "value" },
    yAxis: { type: "category", inverse: true, data: rows.map(({ name }) => name) },
    series: [
      { type: "bar", name: "median", data: rows.map(({ median }) => median) },
      { type: "bar", name: "99th percentile", data: rows.map(({ last }) => last) },
    ],
  })
}

function draw(option: object): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 760, height: 420 })
  try {
    // Without a browser the width of a text is a guess, mostly too small.
    const legend = { bottom: 0, type: "plain", itemGap: 38 }
    const grid = { left: 60, right: 30, top: 50, bottom: 140 }
    chart.setOption({ animation: false, backgroundColor: "#fff", legend, grid, ...option })
    return `${chart.renderToSVGString()}\n`
  } finally {
    chart.dispose()
  }
}

function fieldOf(result: object | undefined, field: keyof Result): number | null {
  return (result as Result | undefined)?.[field] ?? null
}
