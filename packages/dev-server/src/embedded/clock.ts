// The embedded engine's time: stands still while a script or a transaction runs, as Redis's does.

export class Clock {
  #frozenMs: number | undefined
  #lastMicros = 0

  /** Milliseconds since the epoch. */
  get ms(): number {
    return this.#frozenMs ?? Date.now()
  }

  /** Microseconds since the epoch. No two calls get the same time, so that it tells their order. */
  micros(): number {
    this.#lastMicros = Math.max(this.#lastMicros + 1, this.ms * 1000)
    return this.#lastMicros
  }

  freeze<T>(work: () => T): T {
    const outer = this.#frozenMs
    this.#frozenMs = this.ms
    try {
      return work()
    } finally {
      this.#frozenMs = outer
    }
  }
}
