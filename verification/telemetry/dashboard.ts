// Draws the metrics of a run as a dashboard would.
import { BarChart, LineChart } from "echarts/charts"
import {
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  TitleComponent,
} from "echarts/components"
import { init, use } from "echarts/core"
import { SVGRenderer } from "echarts/renderers"
import type { Samples } from "./samples.js"

use([
  BarChart,
  LineChart,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  TitleComponent,
  SVGRenderer,
])

const WIDTH = 1_060
const HEIGHT = 660

interface Series {
  readonly name: string
  readonly data: readonly (number | null)[]
}

interface Panel {
  readonly title: string
  readonly kind: "bars" | "lines"
  readonly series: readonly Series[]
}

/** @param outage the seconds of the outage, which are shaded */
export function dashboardOf(samples: Samples, outage: readonly [number, number]): string {
  const by = (metric: string, attribute: string) =>
    samples
      .valuesOf(metric, attribute)
      .map((name) => ({ name, data: samples.rateOf(metric, attribute, name) }))
  const waits = samples.valuesOf("fetchlock.acquire.duration", "fetchlock.lock").map((name) => ({
    name,
    data: samples.quantileOf("fetchlock.acquire.duration", "fetchlock.lock", name, 0.95),
  }))
  return draw(samples.seconds, outage, [
    {
      title: "Calls that ended in a second, by outcome",
      kind: "bars",
      series: by("fetchlock.acquires", "fetchlock.outcome"),
    },
    { title: "95th percentile of the wait, in seconds, by lock", kind: "lines", series: waits },
    {
      title: "Waiters and holds now",
      kind: "lines",
      series: [
        { name: "waiters", data: samples.levelOf("fetchlock.waiters") },
        { name: "holds", data: samples.levelOf("fetchlock.holds") },
      ],
    },
    {
      title: "Lost holds in a second, by reason",
      kind: "bars",
      series: by("fetchlock.losses", "fetchlock.reason"),
    },
  ])
}

function draw(
  seconds: readonly number[],
  [from, to]: readonly [number, number],
  panels: readonly Panel[],
): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height: HEIGHT })
  const placeOf = (panel: number) => ({
    left: 50 + (panel % 2) * (WIDTH / 2),
    top: 40 + Math.floor(panel / 2) * (HEIGHT / 2),
  })
  const width = WIDTH / 2 - 80
  const shaded = { silent: true, itemStyle: { color: "#f3d9d9", opacity: 0.6 } }
  const area = { ...shaded, data: [[{ xAxis: String(from) }, { xAxis: String(to) }]] }
  try {
    chart.setOption({
      animation: false,
      backgroundColor: "#fff",
      title: panels.map(({ title: text }, i) => {
        const { left, top } = placeOf(i)
        return { text, left: left - 34, top: top - 34, textStyle: { fontSize: 14 } }
      }),
      legend: panels.map(({ series }, i) => {
        const { left, top } = placeOf(i)
        const data = series.map(({ name }) => name)
        // Without a browser the width of a text is a guess, mostly too small.
        return {
          data,
          left: left - 20,
          top: top + HEIGHT / 2 - 84,
          itemGap: 12,
          itemWidth: 16,
          width: width + 60,
        }
      }),
      grid: panels.map((_, i) => ({ ...placeOf(i), width, height: HEIGHT / 2 - 120 })),
      xAxis: panels.map((_, gridIndex) => ({ gridIndex, type: "category", data: seconds })),
      yAxis: panels.map((_, gridIndex) => ({ gridIndex, type: "value" })),
      series: panels.flatMap(({ kind, series }, i) =>
        series.map(({ name, data }, n) => ({
          name,
          data,
          type: kind === "bars" ? "bar" : "line",
          ...(kind === "bars" ? { stack: String(i) } : { showSymbol: false, connectNulls: false }),
          ...(n === 0 && { markArea: area }),
          xAxisIndex: i,
          yAxisIndex: i,
        })),
      ),
    })
    return `${chart.renderToSVGString()}\n`
  } finally {
    chart.dispose()
  }
}
