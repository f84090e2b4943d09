// Watches what is sent, whoever sends it: all that use HTTP use the global fetch.
import { isCompareAndSet } from "./bill.js"

/** A request that was sent. */
export interface Sent {
  readonly body: string
  /** Of a compare-and-set only: whether it found what it expected. */
  succeeded: boolean
}

/** Runs the work and lists the requests that were sent meanwhile. */
export async function recordFetches(work: () => Promise<unknown>): Promise<readonly Sent[]> {
  const { fetch } = globalThis
  const all: Sent[] = []
  const peeks: Promise<void>[] = []
  globalThis.fetch = (url, init) => {
    const body = init?.body
    const sent: Sent = { body: typeof body === "string" ? body : "", succeeded: false }
    all.push(sent)
    const answering = fetch(url, init)
    if (isCompareAndSet(sent.body)) peeks.push(peek(answering, sent))
    return answering
  }
  try {
    await work()
    await Promise.all(peeks)
  } finally {
    globalThis.fetch = fetch
  }
  return all
}

async function peek(answering: Promise<Response>, sent: Sent): Promise<void> {
  const { result } = (await (await answering).clone().json()) as { result?: unknown }
  sent.succeeded = result === 1 || result === "OK"
}
