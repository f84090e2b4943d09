// Metrics: turns the events of locks into histograms and counters.
import type { Attributes, Meter } from "@opentelemetry/api"
import type { LockEvent } from "../events.js"

/** In seconds, from a request nearby to the longest waits and holds that are common. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

export function recordMetrics(
  meter: Meter,
  attributesOf: (name: string) => Attributes,
): (event: LockEvent) => void {
  const seconds = (description: string) => ({
    description,
    unit: "s",
    advice: { explicitBucketBoundaries: BUCKETS },
  })
  const waiting = meter.createHistogram(
    "fetchlock.acquire.duration",
    seconds("How long a call took to be granted its lock, or to end without it"),
  )
  const holding = meter.createHistogram(
    "fetchlock.hold.duration",
    seconds("How long a lock was held"),
  )
  const calls = meter.createCounter("fetchlock.acquires", {
    description: "Calls that have ended, by outcome",
    unit: "{call}",
  })
  const losses = meter.createCounter("fetchlock.losses", {
    description: "Holds that ended before their holder ended them, by reason",
    unit: "{hold}",
  })
  const waiters = meter.createUpDownCounter("fetchlock.waiters", {
    description: "Calls of this process that wait for a lock",
    unit: "{call}",
  })
  const holds = meter.createUpDownCounter("fetchlock.holds", {
    description: "Holds of this process",
    unit: "{hold}",
  })
  return (event) => {
    const lock = attributesOf(event.name)
    if (event.type === "queued") waiters.add(1, lock)
    else if ("wasQueued" in event) {
      const { type } = event
      const outcome = type === "granted" ? type : type === "served" ? event.source : event.reason
      const attributes = { ...lock, "fetchlock.outcome": outcome }
      calls.add(1, attributes)
      waiting.record(event.waitedMs / 1_000, attributes)
      if (event.wasQueued) waiters.add(-1, lock)
      if (type === "granted") holds.add(1, lock)
    } else if ("heldMs" in event) {
      const isUnknown = event.type === "released" && event.result === "unknown"
      const end = isUnknown ? "release-failed" : event.type
      holds.add(-1, lock)
      holding.record(event.heldMs / 1_000, { ...lock, "fetchlock.end": end })
      if (event.type === "lost") losses.add(1, { ...lock, "fetchlock.reason": event.reason })
    }
  }
}
