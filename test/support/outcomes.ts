// Helpers for assertions: the reason of a rejection, the abort of a signal, the text that an object reveals.
import { inspect } from "node:util"
import type { Lock, LockEvent, LockManager, TryAcquireOptions } from "../../src/index.js"

/** The reason of the promise's rejection; fails if it does not reject. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error
  }
  throw new Error(`expected a rejection, got ${inspect(value)}`)
}

/** The reason of the signal, once it has aborted. */
export function abortion(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    const onAbort = () => {
      resolve(signal.reason)
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener("abort", onAbort, { once: true })
  })
}

/** How long the promise takes to settle, in milliseconds. */
export async function durationOf(promise: Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await promise.catch(() => undefined)
  return performance.now() - startedAt
}

export interface Recorder {
  readonly events: readonly LockEvent[]
  readonly onEvent: (event: LockEvent) => void
  /** The events of one type. */
  readonly of: <T extends LockEvent["type"]>(type: T) => readonly Extract<LockEvent, { type: T }>[]
}

/** A listener that keeps its events. */
export function recorder(): Recorder {
  const events: LockEvent[] = []
  return {
    events,
    onEvent: (event) => events.push(event),
    of: <T extends LockEvent["type"]>(type: T) =>
      events.filter((event): event is Extract<LockEvent, { type: T }> => event.type === type),
  }
}

/** Everything that a log could print of a value, including its causes and hidden properties. */
export function everythingSaidBy(value: unknown): string {
  const said = [inspect(value, { depth: Infinity, showHidden: true, getters: true }), String(value)]
  said.push(JSON.stringify(value))
  if (value instanceof Error) {
    said.push(value.message, value.stack ?? "", JSON.stringify(Object.entries(value)))
    if (value.cause !== undefined) said.push(everythingSaidBy(value.cause))
  }
  return said.join("\n")
}

/** For calls that a busy machine makes fail again and again. */
export const AT_LAST = { timeout: 15_000 }

/** Takes a free lock, with as many attempts as needed: if requests have little time, a busy machine makes them fail. */
export async function acquireAtLast(
  locks: LockManager,
  name: string,
  options?: TryAcquireOptions,
): Promise<Lock> {
  let lock: Lock | null = null
  await until(async () => {
    lock = await locks.tryAcquire(name, options).catch(() => null)
    return lock !== null
  }, AT_LAST)
  // TypeScript does not see the callback's assignment.
  return lock as unknown as Lock
}

/** Resolves when the condition holds; fails if it does not within the time. Unlike `expect.poll`, also in concurrent tests. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeout = 5_000 } = {},
): Promise<void> {
  const startedAt = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedAt > timeout)
      throw new Error(`did not come true within ${String(timeout)} ms: ${condition.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
