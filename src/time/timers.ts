// Waits that a signal can end, and several signals as one.
import { MAX_TIMER_MS } from "./duration.js"

/** Resolves after `ms`, even if that exceeds a timer's maximum; rejects with the signal's reason as soon as it aborts. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  for (let left = ms; left >= 0; left -= MAX_TIMER_MS) {
    signal?.throwIfAborted()
    let timer: ReturnType<typeof setTimeout> | undefined
    const slept = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(left, MAX_TIMER_MS))
    })
    try {
      await untilAborted(slept, signal)
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Settles as the promise does, or rejects with the signal's reason if that aborts first. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the signal's owner chose it
      reject(signal.reason)
    }
    if (signal.aborted) onAbort()
    signal.addEventListener("abort", onAbort, { once: true })
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener("abort", onAbort)
    })
  })
}

/** A signal that aborts with the reason of the first of several that does, or when `abort` is called. */
export interface AnySignal {
  readonly signal: AbortSignal
  readonly abort: (reason: unknown) => void
  /** Removes its listeners. */
  readonly stop: () => void
}

/** Unlike `AbortSignal.any` it accepts any implementation of a signal. */
export function anySignal(signals: readonly (AbortSignal | undefined)[]): AnySignal {
  const controller = new AbortController()
  const sources = signals.filter((signal) => signal !== undefined)
  const onAbort = () => {
    const aborted = sources.find((source) => source.aborted)
    if (aborted) controller.abort(aborted.reason)
  }
  for (const source of sources) source.addEventListener("abort", onAbort)
  onAbort()
  return {
    signal: controller.signal,
    abort: (reason) => {
      controller.abort(reason)
    },
    stop: () => {
      for (const source of sources) source.removeEventListener("abort", onAbort)
    },
  }
}
