// Waits for another call's run: gets its result over a stream, and claims where it might have missed it.
import type { Subscription } from "../redis/transport.js"
import { sleep } from "../time/timers.js"
import type { ScriptDatabase } from "../redis/store.js"
import { elapsedMs, now } from "../time/validity.js"
import { Inbox } from "../acquire/queue-wait.js"
import type { Attempts } from "../acquire/attempts.js"
import { type OnceRecord, readRecord } from "./once-record.js"
import { openStream } from "./once-stream.js"
import type { Finished, Led, Running } from "./once-requests.js"

/** The longest pause between two claims: well within the linger of a result, so that a missed message does no harm. */
const LONGEST_PAUSE_MS = 10_000
/** The same for a stream that may have ended unnoticed. */
const LONGEST_UNSURE_MS = 5_000
/** The same for a caller that polls, as in a lock's queue. */
const LONGEST_POLL_MS = 2_000
/** About a round trip: polling more often would gain almost nothing. */
const SHORTEST_POLL_MS = 25
/** Callers that one event wakes claim at random within this time: the first one leads, and not all of them claim at once. */
const SPREAD_MS = 50
/** Closing a stream costs Node about half a millisecond, so other callers in this process read their values first. */
const CLOSE_MS = 20

/** A call that waits. */
export interface Waiting {
  readonly database: ScriptDatabase
  readonly attempts: Attempts
  /** Whether to open a stream. */
  readonly push: boolean
  readonly ttlMs: number
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly fingerprint: string
  readonly claim: (since: number) => Promise<Led | Running | Finished>
}

/** @throws as an acquire does. */
export async function waitForRun(waiting: Waiting, first: Running): Promise<Led | Finished> {
  const { database, attempts, push, claim } = waiting
  const inbox = new Inbox<string>()
  let answer: Led | Running | Finished = first
  let stream: Subscription | undefined
  try {
    if (push && database.canListen) {
      const listener = {
        onMessage: (message: string) => {
          inbox.put(message)
        },
        onEnd: () => {
          inbox.put("end")
        },
      }
      stream = await openStream(attempts, waiting, database, first.channel, listener)
    }
    // This claim finds a result that was published before the stream was confirmed.
    if (stream) answer = await claim(first.since)
    for (let n = 0; answer.kind === "busy"; n++) {
      attempts.assertMayContinue()
      const pause = stream ? listeningPauseMs(answer, waiting) : pollingPauseMs(answer, waiting, n)
      const received = await nextResult(waiting, answer, inbox, pause)
      if (received === "end") stream = stream?.close() as undefined
      answer = typeof received === "object" ? received : await claim(answer.since)
    }
    return answer
  } finally {
    if (stream) setTimeout(() => stream?.close(), CLOSE_MS)
  }
}

/** The result, if it arrives within the pause; "end" when the stream has ended; undefined when it is time to claim. */
async function nextResult(
  { attempts, signal, fingerprint }: Waiting,
  { since }: Running,
  inbox: Inbox<string>,
  pauseMs: number,
): Promise<Finished | "end" | undefined> {
  const startedAt = now()
  for (;;) {
    // One millisecond more, since a timer may fire a little early.
    const within = Math.min(pauseMs - elapsedMs(startedAt), attempts.leftMs + 1)
    const message = await inbox.next(within, signal)
    if (message === undefined || message === "end") return message
    if (message === "free") {
      await sleep(Math.random() * SPREAD_MS, signal)
      return undefined
    }
    const record = recordIn(message)
    if (!record || (fingerprint !== "-" && record.fingerprint !== fingerprint)) return undefined
    // The result of a run that ended before this call began is too old for it.
    if (record.settledAt >= since) return { kind: "told", source: "joined", record }
  }
}

/** The record in a message; undefined if the message has none. */
function recordIn(message: string): OnceRecord | undefined {
  try {
    return readRecord(message)
  } catch {
    return undefined
  }
}

function listeningPauseMs({ holderTtlMs }: Running, { database, ttlMs }: Waiting): number {
  const longest = database.transport.noticesEnd
    ? LONGEST_PAUSE_MS
    : Math.min(LONGEST_UNSURE_MS, ttlMs / 3)
  return Math.min(
    holderTtlMs + 1 + Math.random() * SPREAD_MS,
    longest * (0.9 + Math.random() * 0.2),
  )
}

function pollingPauseMs({ holderTtlMs }: Running, { ttlMs }: Waiting, n: number): number {
  const pause = 35 * 1.5 ** n * (0.5 + Math.random() / 2)
  const longest = Math.min(LONGEST_POLL_MS, ttlMs / 3)
  return Math.min(holderTtlMs + 1, Math.max(pause, SHORTEST_POLL_MS), longest)
}
