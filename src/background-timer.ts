// A timer that does not keep a process alive.
import { MAX_TIMER_MS } from "./duration.js"

/** Calls back after so many milliseconds, or after the longest time that a timer takes if that is sooner. */
export function backgroundTimer(callback: () => void, ms: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, Math.min(ms, MAX_TIMER_MS))
  // Node's timers keep a process alive unless told not to; elsewhere a timer is a number.
  if (typeof timer === "object" && "unref" in timer) timer.unref()
  return timer
}
