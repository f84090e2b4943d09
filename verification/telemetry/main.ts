// `npm run telemetry`: runs a small service with telemetry, prints its metrics and spans, and with --docs writes them into
// docs/observability.md, with a picture.
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { format, resolveConfig } from "prettier"
import { telemetry } from "../../src/otel/index.js"
import { type RecordedSpan, type Sdk, startSdk } from "../../test/otel/sdk.js"
import { openDatabase } from "../../test/support/variants.js"
import { dashboardOf } from "./dashboard.js"
import { countsOf, quantileIn, Samples, sumOf } from "./samples.js"
import { runWorkload } from "./workload.js"

const SECONDS = 30
const OUTAGE = { at: 14, seconds: 4 }

const { values } = parseArgs({ options: { docs: { type: "boolean", default: false } } })
const docs = new URL("../../docs/", import.meta.url)

const sdk = startSdk()
const label = (name: string) => name.split(":")[0]
const database = await openDatabase("real Redis")
const samples = new Samples()
let isOver = false
const sample = async () => {
  for (let second = 0; !isOver; second++) {
    samples.add(await sdk.metrics())
    await sleep(1_000)
  }
}
try {
  const { meter, tracer } = sdk
  const options = { database, telemetry: telemetry({ meter, tracer, label }) }
  const sampling = sample()
  await runWorkload({ ...options, seconds: SECONDS, outage: OUTAGE })
  isOver = true
  await sampling
  samples.add(await sdk.metrics())
} finally {
  await database.close()
}

const text = `${metricsTable(samples)}\n\n${spansTable(sdk)}\n`
console.log(text)
if (values.docs) {
  const picture = new URL("telemetry/dashboard.svg", docs)
  await mkdir(new URL(".", picture), { recursive: true })
  await writeFile(picture, dashboardOf(samples, [OUTAGE.at, OUTAGE.at + OUTAGE.seconds]))
  const page = new URL("observability.md", docs)
  const [begin, end] = ["<!-- made by `npm run telemetry -- --docs` -->", "<!-- end of it -->"]
  const [before, rest = ""] = (await readFile(page, "utf8")).split(begin)
  const [, after] = rest.split(end)
  if (before === undefined || after === undefined) throw new Error("the page has no place for it")
  const written = `${before}${begin}\n\n${text}\n${end}${after}`
  const style = await resolveConfig(page)
  await writeFile(page, await format(written, { ...style, parser: "markdown" }))
}

function metricsTable({ total }: Samples): string {
  // The counter of calls has the same numbers as the histogram.
  const metrics = Object.entries(total).filter(([metric]) => metric !== "fetchlock.acquires")
  const rows = metrics.flatMap(([metric, series]) =>
    series.map(({ attributes, value }) => {
      const { "fetchlock.lock": lock, ...others } = attributes
      const counts = countsOf([{ attributes, value }])
      const quantile = (part: number) =>
        typeof value === "number"
          ? ""
          : `${((quantileIn(counts.boundaries, counts.counts, part) ?? 0) * 1_000).toFixed(0)} ms`
      const cells = [`\`${metric}\``, lock, Object.values(others).join(" ")]
      return [...cells, sumOf([{ attributes, value }]), quantile(0.5), quantile(0.95)]
    }),
  )
  const sorted = rows.map((row) => `| ${row.join(" | ")} |`).sort()
  const head = ["metric", "lock", "outcome, end or reason", "number", "median", "95th percentile"]
  return [`| ${head.join(" | ")} |`, `|${" --- |".repeat(head.length)}`, ...sorted].join("\n")
}

function spansTable({ spans }: Sdk): string {
  const kinds = new Map<string, RecordedSpan[]>()
  for (const span of spans()) {
    const { name, attributes } = span
    const kind = [
      `\`${name}\``,
      attributes["fetchlock.lock"],
      attributes["fetchlock.outcome"] ?? attributes["fetchlock.reason"] ?? "",
      attributes["error.type"] ?? "",
    ].join(" | ")
    kinds.set(kind, [...(kinds.get(kind) ?? []), span])
  }
  const rows = [...kinds].map(([kind, all]) => {
    const mean = all.reduce((sum, { ms }) => sum + ms, 0) / all.length
    return `| ${kind} | ${String(all.length)} | ${mean.toFixed(0)} ms |`
  })
  const head = ["span", "lock", "outcome or reason", "error", "number", "mean"]
  return [`| ${head.join(" | ")} |`, `|${" --- |".repeat(head.length)}`, ...rows.sort()].join("\n")
}
