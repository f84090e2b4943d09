// Commands for one key that are sent in one tick travel together, so that they take effect in the order in which they
// were sent: two requests at once may arrive in any order.

/** One command, and whoever waits for its reply. */
interface Sent {
  readonly command: readonly string[]
  readonly signal: AbortSignal
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Sends some commands and answers with the reply to each: what is an `Error` is thrown to whoever sent that one. */
type Send = (commands: readonly (readonly string[])[], signal: AbortSignal) => Promise<unknown[]>

export class TickOrder {
  readonly #send: Send
  /** What was sent in this tick, by its key. */
  readonly #tick = new Map<string, Sent[]>()

  constructor(send: Send) {
    this.#send = send
  }

  /** Sends a command after all that were sent for the key in this tick. */
  send(key: string, command: readonly string[], signal: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const sent = { command, signal, resolve, reject }
      const others = this.#tick.get(key)
      if (others) {
        others.push(sent)
        return
      }
      const all = [sent]
      this.#tick.set(key, all)
      queueMicrotask(() => {
        this.#tick.delete(key)
        void this.#flush(all)
      })
    })
  }

  async #flush(all: readonly Sent[]): Promise<void> {
    try {
      const commands = all.map(({ command }) => command)
      const replies = await this.#send(commands, whenAllAbort(all.map(({ signal }) => signal)))
      for (const [i, { resolve, reject }] of all.entries()) {
        if (replies[i] instanceof Error) reject(replies[i])
        else resolve(replies[i])
      }
    } catch (error) {
      for (const { reject } of all) reject(error)
    }
  }
}

/** A request is cancelled when nobody waits for it any more. */
function whenAllAbort(signals: readonly AbortSignal[]): AbortSignal {
  const [first] = signals
  if (first && signals.length === 1) return first
  const controller = new AbortController()
  const onAbort = () => {
    if (signals.every(({ aborted }) => aborted)) controller.abort()
  }
  for (const signal of signals) signal.addEventListener("abort", onAbort, { once: true })
  return controller.signal
}
