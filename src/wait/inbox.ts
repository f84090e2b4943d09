// What a waiter hears while it waits, kept until it looks.
import { MAX_TIMER_MS } from "../duration.js"
import { untilAborted } from "../sleep.js"

export class Inbox<T> {
  readonly #items: T[] = []
  #wake: (() => void) | undefined

  put(item: T): void {
    this.#items.push(item)
    this.#wake?.()
  }

  /** The next item, or undefined when none came in so many milliseconds. Rejects with the signal's reason. */
  async next(withinMs: number, signal: AbortSignal | undefined): Promise<T | undefined> {
    signal?.throwIfAborted()
    if (this.#items.length === 0) await this.#arrival(withinMs, signal)
    return this.#items.shift()
  }

  async #arrival(withinMs: number, signal: AbortSignal | undefined): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, Math.min(Math.max(0, withinMs), MAX_TIMER_MS))
    })
    try {
      await untilAborted(woken, signal)
    } finally {
      clearTimeout(timer)
    }
  }
}
