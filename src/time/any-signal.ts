// Combines several signals into one, which aborts with the reason of the first that does.

/** The combined signal; `stop` removes its listeners. Unlike `AbortSignal.any` it accepts any implementation of a signal. */
export interface AnySignal {
  readonly signal: AbortSignal
  readonly stop: () => void
}

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
    stop: () => {
      for (const source of sources) source.removeEventListener("abort", onAbort)
    },
  }
}
