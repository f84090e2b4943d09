// One signal for several: aborted as soon as one of them is, with its reason.

/** The signal, and what ends its listening. Unlike `AbortSignal.any` it takes signals of any make. */
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
