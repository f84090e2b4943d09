// The metrics of a run, sampled once a second.
import type { Distribution, Sdk, Series } from "../../test/otel/sdk.js"

type Metrics = Awaited<ReturnType<Sdk["metrics"]>>

export class Samples {
  readonly #taken: Metrics[] = []

  add(metrics: Metrics): void {
    this.#taken.push(metrics)
  }

  get seconds(): readonly number[] {
    return this.#taken.slice(1).map((_, second) => second + 1)
  }

  /** The last sample. */
  get total(): Metrics {
    return this.#taken.at(-1) ?? {}
  }

  /** The values that an attribute has. */
  valuesOf(metric: string, attribute: string): readonly string[] {
    const all = (this.total[metric] ?? []).map(({ attributes }) => String(attributes[attribute]))
    return [...new Set(all)].sort()
  }

  /** The increase of a counter in each second, of all its series with that attribute. */
  rateOf(metric: string, attribute: string, value: string): readonly number[] {
    return this.#perSecond((metrics) => sumOf(selected(metrics[metric], attribute, value)))
  }

  /** The value of a counter at the end of each second. */
  levelOf(metric: string): readonly number[] {
    return this.#taken.slice(1).map((metrics) => sumOf(metrics[metric] ?? []))
  }

  /** The quantile of the values of each second, within its bucket as if they were evenly distributed; null without a value. */
  quantileOf(
    metric: string,
    attribute: string,
    value: string,
    quantile: number,
  ): readonly (number | null)[] {
    return this.#taken.slice(1).map((metrics, i) => {
      const after = countsOf(selected(metrics[metric], attribute, value))
      const before = countsOf(selected(this.#taken[i]?.[metric], attribute, value))
      const counts = after.counts.map((count, bucket) => count - (before.counts[bucket] ?? 0))
      return quantileIn(after.boundaries, counts, quantile)
    })
  }

  #perSecond(read: (metrics: Metrics) => number): readonly number[] {
    return this.#taken.slice(1).map((metrics, i) => read(metrics) - read(this.#taken[i] ?? {}))
  }
}

function selected(series: readonly Series[] = [], attribute: string, value: string) {
  return series.filter(({ attributes }) => String(attributes[attribute]) === value)
}

/** The sum of a counter, or the number of values of a histogram. */
export function sumOf(series: readonly Series[]): number {
  return series.reduce(
    (sum, { value }) => sum + (typeof value === "number" ? value : value.count),
    0,
  )
}

export function countsOf(series: readonly Series[]): Pick<Distribution, "boundaries" | "counts"> {
  const all = series.map(({ value }) => value).filter((value) => typeof value !== "number")
  const boundaries = all[0]?.boundaries ?? []
  const counts = Array.from({ length: boundaries.length + 1 }, (_, bucket) =>
    all.reduce((sum, { counts }) => sum + (counts[bucket] ?? 0), 0),
  )
  return { boundaries, counts }
}

export function quantileIn(
  boundaries: readonly number[],
  counts: readonly number[],
  quantile: number,
): number | null {
  const count = counts.reduce((sum, each) => sum + each, 0)
  if (count === 0) return null
  let left = quantile * count
  for (const [bucket, inside] of counts.entries()) {
    if (left > inside || inside === 0) {
      left -= inside
      continue
    }
    const from = boundaries[bucket - 1] ?? 0
    const to = boundaries[bucket] ?? from
    return from + (to - from) * (left / inside)
  }
  return boundaries.at(-1) ?? null
}
