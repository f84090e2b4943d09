// The SDK of OpenTelemetry, with its exporters in memory, and what it has recorded as plain data.
import { AsyncLocalStorage } from "node:async_hooks"
import {
  type Context,
  context,
  type ContextManager,
  type Meter,
  ROOT_CONTEXT,
  SpanStatusCode,
  type Tracer,
} from "@opentelemetry/api"
import {
  AggregationTemporality,
  type ExponentialHistogram,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics"
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base"

/** The number of values, their sum, and how many are in each bucket: up to its boundary, and beyond the last. */
export interface Distribution {
  readonly count: number
  readonly sum: number
  readonly boundaries: readonly number[]
  readonly counts: readonly number[]
}

/** The value of one series. */
export interface Series {
  readonly attributes: Readonly<Record<string, unknown>>
  readonly value: number | Distribution
}

export interface RecordedSpan {
  readonly name: string
  readonly parent: string | undefined
  readonly attributes: Readonly<Record<string, unknown>>
  readonly isError: boolean
  readonly message: string | undefined
  readonly ms: number
}

export interface Sdk {
  readonly meter: Meter
  readonly tracer: Tracer
  /** The series of each metric, by its name. */
  readonly metrics: () => Promise<Readonly<Record<string, readonly Series[]>>>
  /** The spans that have ended, in the order of their ends. */
  readonly spans: () => readonly RecordedSpan[]
}

function distributionOf(value: Histogram | ExponentialHistogram): Distribution {
  if (!("buckets" in value)) throw new Error("an exponential histogram")
  const { boundaries, counts } = value.buckets
  return { count: value.count, sum: value.sum ?? 0, boundaries, counts }
}

/** The SDK's own needs modules that workerd does not have. */
class StorageContextManager implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => fn.apply(thisArg, args))
  }

  bind<T>(_: Context, target: T): T {
    return target
  }

  enable(): this {
    return this
  }

  disable(): this {
    this.#storage.disable()
    return this
  }
}

export function startSdk(): Sdk {
  context.setGlobalContextManager(new StorageContextManager())
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({
    exporter: metricExporter,
    exportIntervalMillis: 3_600_000,
  })
  const meters = new MeterProvider({ readers: [reader] })
  const spanExporter = new InMemorySpanExporter()
  const tracers = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(spanExporter)],
  })
  return {
    meter: meters.getMeter("test"),
    tracer: tracers.getTracer("test"),
    metrics: async () => {
      await meters.forceFlush()
      const all = metricExporter.getMetrics().at(-1)?.scopeMetrics ?? []
      const metrics = all.flatMap((scope) => scope.metrics)
      return Object.fromEntries(
        metrics.map(({ descriptor, dataPoints }) => [
          descriptor.name,
          dataPoints.map(({ attributes, value }) => ({
            attributes,
            value: typeof value === "number" ? value : distributionOf(value),
          })),
        ]),
      )
    },
    spans: () => {
      const spans = spanExporter.getFinishedSpans()
      const nameOf = (id: string | undefined) =>
        spans.find((span) => span.spanContext().spanId === id)?.name
      return spans.map(({ name, parentSpanContext, attributes, status, duration }) => ({
        name,
        parent: nameOf(parentSpanContext?.spanId),
        attributes,
        isError: status.code === SpanStatusCode.ERROR,
        message: status.message,
        ms: duration[0] * 1_000 + duration[1] / 1_000_000,
      }))
    },
  }
}
