// Asks how fast streams open and deliver, and whether they outlive silence.
import { sleep } from "../../time/timers.js"
import { durationText } from "../columns.js"
import type { Examination } from "./finding.js"
import { type ProbedDatabase, TIMEOUT_MS } from "./probed-database.js"

const POLLING = "waiters poll: later, and billed more"

export function streamProbes(database: ProbedDatabase): Examination[] {
  return [{ probe: "streams", examine: () => streams(database) }]
}

/** Takes its time, so it may run beside the others. @param idleMs how long a stream shall be silent; 0: that is not tried */
export function silenceProbe(database: ProbedDatabase, idleMs: number): Examination {
  return { probe: "silent streams", examine: () => silence(database, idleMs) }
}

async function streams(database: ProbedDatabase) {
  const stream = await open(database, "stream")
  if (typeof stream === "string") {
    return { verdict: "note", found: stream, follows: POLLING, options: { push: false } } as const
  }
  try {
    const deliveredMs = await stream.deliver()
    const opened = `opens in ${stream.openedMs.toFixed(0)} ms`
    if (deliveredMs === undefined) {
      const found = `${opened}, but delivers nothing`
      return { verdict: "note", found, follows: POLLING, options: { push: false } } as const
    }
    const found = `${opened}, delivers in ${deliveredMs.toFixed(0)} ms`
    return { verdict: "ok", found, follows: "waiters are notified" } as const
  } finally {
    stream.close()
  }
}

async function silence(database: ProbedDatabase, idleMs: number) {
  if (idleMs === 0) {
    return { verdict: "unknown", found: "not tried", follows: "--idle 5m tries it" } as const
  }
  const stream = await open(database, "silence")
  const follows = "a waiter whose stream ends polls from then on"
  if (typeof stream === "string") return { verdict: "note", found: stream, follows } as const
  try {
    const startedAt = performance.now()
    await Promise.race([sleep(idleMs), stream.ended])
    if (stream.hasEnded()) {
      const found = `ends after ${durationText(performance.now() - startedAt)} of silence`
      return { verdict: "note", found, follows } as const
    }
    if ((await stream.deliver()) === undefined) {
      const found = `dead after ${durationText(idleMs)} of silence, without an end`
      return { verdict: "note", found, follows: "a waiter finds out at its next check" } as const
    }
    const found = `alive after ${durationText(idleMs)} of silence`
    return { verdict: "ok", found, follows: "" } as const
  } finally {
    stream.close()
  }
}

interface OpenStream {
  readonly openedMs: number
  readonly ended: Promise<void>
  hasEnded(): boolean
  /** Publishes a message and returns after how many milliseconds it has arrived; undefined if it does not. */
  deliver(): Promise<number | undefined>
  close(): void
}

/** The error's message if it does not open. */
async function open(database: ProbedDatabase, name: string): Promise<OpenStream | string> {
  const channel = `${database.prefix}${name}`
  let onMessage: (message: string) => void = () => undefined
  let isOver = false
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => (end = resolve))
  const listener = {
    onMessage: (message: string) => {
      onMessage(message)
    },
    onEnd: () => {
      isOver = true
      end()
    },
  }
  const startedAt = performance.now()
  try {
    const stream = await database.client.subscribe(channel, listener, TIMEOUT_MS)
    const deliver = async () => {
      const sentAt = performance.now()
      const arrived = new Promise<number>((resolve) => {
        onMessage = (message) => {
          if (message === "hello") resolve(performance.now() - sentAt)
        }
      })
      await database.ask("PUBLISH", channel, "hello")
      return Promise.race([arrived, sleep(TIMEOUT_MS).then(() => undefined)])
    }
    const close = () => {
      stream.close()
    }
    return {
      openedMs: performance.now() - startedAt,
      ended,
      hasEnded: () => isOver,
      deliver,
      close,
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
