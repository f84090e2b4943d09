// Spans: one while `request` acquires its lock, one while it holds it, which is active for the callback's own spans.
import type { Attributes, Span, SpanStatusCode, Tracer } from "@opentelemetry/api"
import { LockLostError } from "../errors.js"

/** Its value, so that the package itself is not loaded. */
const ERROR = 2 as unknown as SpanStatusCode.ERROR

/** A manager or a semaphore. */
export interface Requester {
  request(...args: never[]): Promise<unknown>
}

type Call = (...args: unknown[]) => Promise<unknown>
type Callback = (lock: unknown) => unknown

/** The `request` of the target, with its overloads. */
export function traceRequests(
  tracer: Tracer,
  attributesOf: (name: string) => Attributes,
  target: Requester & { readonly name?: unknown },
): Call {
  const request: Call = (target.request as Call).bind(target)
  return async (...args) => {
    const callback = args.pop()
    // It refuses that.
    if (typeof callback !== "function") return request(...args, callback)
    const [name = ""] = [args[0], target.name].filter((it) => typeof it === "string")
    const attributes = attributesOf(name)
    const acquiring = tracer.startSpan("fetchlock.acquire", { attributes })
    /** The span that has not ended; none while a callback runs without a lock. */
    const open = new Set([acquiring])
    const run: Callback = (lock) => {
      acquiring.setAttribute("fetchlock.outcome", lock ? "granted" : "busy")
      acquiring.end()
      open.clear()
      if (!lock) return (callback as Callback)(lock)
      return tracer.startActiveSpan("fetchlock.hold", { attributes }, (holding) => {
        open.add(holding)
        return (callback as Callback)(lock)
      })
    }
    try {
      return await request(...args, run)
    } catch (error) {
      for (const span of open) fail(span, error)
      throw error
    } finally {
      for (const span of open) span.end()
    }
  }
}

/** Without the message of the error, which may contain anything. */
function fail(span: Span, error: unknown): void {
  const { name = "Error" } = Object(error) as { readonly name?: unknown }
  span.setAttribute("error.type", String(name))
  // Why a hold was lost.
  if (error instanceof LockLostError) span.setAttribute("fetchlock.reason", error.reason)
  span.setStatus({ code: ERROR })
}
