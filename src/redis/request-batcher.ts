// Sends the commands that one tick has for one key in one request, so that they take effect in their order: two concurrent
// requests may arrive in any order.
import { LARGEST_REPLY } from "./bounds.js"

/** One command, and the promise of its reply. */
interface Sent {
  readonly command: readonly string[]
  readonly signal: AbortSignal
  /** The most bytes that its reply may have. */
  readonly longest: number
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: unknown) => void
}

/** The commands for one key in one tick. */
interface Tick {
  readonly all: Sent[]
  readonly begunAt: number
}

/** The most commands in one request, each with a script of a few kilobytes; further ones follow in the next request. */
const LARGEST = 100

/** A tick that lasts longer belongs to a request that was ended in the middle of it. */
const LONGEST_MS = 1_000

/** Sends commands and returns the reply to each; an `Error` among them rejects the promise of its command. */
type Send = (
  commands: readonly (readonly string[])[],
  signal: AbortSignal,
  longest: number,
) => Promise<unknown[]>

export class RequestBatcher {
  readonly #send: Send
  /** The commands of this tick, by key. */
  readonly #tick = new Map<string, Tick>()

  constructor(send: Send) {
    this.#send = send
  }

  /** Sends a command after all earlier ones for the key in this tick. */
  send(
    key: string,
    command: readonly string[],
    signal: AbortSignal,
    longest: number = LARGEST_REPLY,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const sent = { command, signal, longest, resolve, reject }
      const tick = this.#tick.get(key)
      if (tick && performance.now() - tick.begunAt < LONGEST_MS) {
        tick.all.push(sent)
        return
      }
      const own: Tick = { all: [sent], begunAt: performance.now() }
      this.#tick.set(key, own)
      queueMicrotask(() => {
        if (this.#tick.get(key) === own) this.#tick.delete(key)
        void this.#flush(own.all)
      })
    })
  }

  async #flush(all: readonly Sent[]): Promise<void> {
    for (let i = 0; i < all.length; i += LARGEST) await this.#sendSome(all.slice(i, i + LARGEST))
  }

  async #sendSome(all: readonly Sent[]): Promise<void> {
    try {
      const commands = all.map(({ command }) => command)
      const signal = whenAllAbort(all.map((sent) => sent.signal))
      const longest = Math.max(...all.map((sent) => sent.longest))
      const replies = await this.#send(commands, signal, longest)
      for (const [i, { resolve, reject }] of all.entries()) {
        if (replies[i] instanceof Error) reject(replies[i])
        else resolve(replies[i])
      }
    } catch (error) {
      for (const { reject } of all) reject(error)
    }
  }
}

/** A request is canceled when all of its commands are. */
function whenAllAbort(signals: readonly AbortSignal[]): AbortSignal {
  const [first] = signals
  if (first && signals.length === 1) return first
  const controller = new AbortController()
  const onAbort = () => {
    if (signals.every(({ aborted }) => aborted)) controller.abort()
  }
  for (const signal of signals) signal.addEventListener("abort", onAbort, { once: true })
  onAbort()
  return controller.signal
}
