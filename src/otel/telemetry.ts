// Connects locks to OpenTelemetry: their events become metrics, and their requests spans.
import type { Meter, Tracer } from "@opentelemetry/api"
import type { LockEvent } from "../events.js"
import { overlay } from "../options.js"
import { invalid } from "../values/invalid-argument.js"
import { attributesOf, type LockLabel } from "./lock-label.js"
import { recordMetrics } from "./lock-metrics.js"
import { type Requester, traceRequests } from "./traced-requests.js"

/** Where to report, and what. */
export interface TelemetryOptions {
  /** Receives the metrics. @default none: `onEvent` does nothing */
  readonly meter?: Meter | undefined
  /** Creates the spans. @default none: `trace` adds no span */
  readonly tracer?: Tracer | undefined
  /**
   * Derives the attribute `fetchlock.lock` of metrics and spans from a lock's name; undefined for none. Each value is a time
   * series of its own, so return few: the kind of the lock, and not its id. A function that throws counts as `label-failed`.
   *
   * @default none: no name leaves the process
   * @example
   * ```ts
   * import { metrics } from "@opentelemetry/api"
   * import { telemetry } from "fetchlock/otel"
   *
   * telemetry({ meter: metrics.getMeter("shop"), label: (name) => name.split(":")[0] })
   * ```
   */
  readonly label?: LockLabel | undefined
}

/** The two ends of a connection to OpenTelemetry. */
export interface LockTelemetry {
  /** For the manager's option of that name: turns the events into metrics. Never throws. */
  readonly onEvent: (event: LockEvent) => void
  /**
   * The `request` of a manager or a semaphore, with spans: `fetchlock.acquire` until the grant, and `fetchlock.hold` while
   * the lock is held. The latter is active while the callback runs, so that the callback's spans are below it.
   *
   * @throws `TypeError` for anything but a manager or a semaphore.
   * @example
   * ```ts
   * import { trace as tracing } from "@opentelemetry/api"
   * import { telemetry } from "fetchlock/otel"
   *
   * const { trace } = telemetry({ tracer: tracing.getTracer("shop") })
   * await trace(locks).request("invoice:42", (lock) => charge({ signal: lock.signal }))
   * ```
   */
  readonly trace: <T extends Requester>(locks: T) => Pick<T, "request">
}

/**
 * Metrics and traces of locks over `@opentelemetry/api`: give `onEvent` to the manager, and call `request` through `trace`.
 *
 * No token and no error message is ever reported, and no name except through `label`.
 *
 * @throws `TypeError` for options without a meter and a tracer, or with one that lacks a method.
 * @example
 * ```ts
 * import { metrics, trace as tracing } from "@opentelemetry/api"
 * import { LockManager } from "fetchlock"
 * import { telemetry } from "fetchlock/otel"
 *
 * const { onEvent, trace } = telemetry({
 *   meter: metrics.getMeter("my-service"),
 *   tracer: tracing.getTracer("my-service"),
 *   label: (name) => name.split(":")[0],
 * })
 * const locks = new LockManager({ redis: { url, token }, onEvent })
 * await trace(locks).request("invoice:42", (lock) => charge({ signal: lock.signal }))
 * ```
 */
export function telemetry(options: TelemetryOptions): LockTelemetry {
  const { meter, tracer, label } = overlay<TelemetryOptions>({}, options)
  if (meter === undefined && tracer === undefined) {
    throw new TypeError("meter, tracer: at least one of them is required")
  }
  check("meter", meter, "createHistogram", "createCounter", "createUpDownCounter")
  check("tracer", tracer, "startSpan", "startActiveSpan")
  if (label !== undefined && typeof label !== "function")
    throw invalid("label", "a function", label)
  const attributes = attributesOf(label)
  return {
    onEvent: meter ? recordMetrics(meter, attributes) : () => undefined,
    trace: (locks) => {
      if (typeof (locks as Partial<Requester> | null | undefined)?.request !== "function") {
        throw invalid("locks", "a LockManager or a Semaphore", locks)
      }
      return tracer ? { request: traceRequests(tracer, attributes, locks) } : locks
    },
  }
}

/** @throws `TypeError` that names a missing method. */
function check(option: string, value: unknown, ...methods: readonly string[]): void {
  if (value === undefined) return
  for (const method of methods) {
    const has = (value as Partial<Record<string, unknown>> | null)?.[method]
    if (typeof has !== "function") throw invalid(option, `an object with ${method}()`, value)
  }
}
