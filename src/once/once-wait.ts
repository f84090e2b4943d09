// Waits for somebody else's run: learns of its result through a stream, and asks where it might have missed it.
import type { Subscription } from "../redis/transport.js"
import { sleep } from "../time/timers.js"
import type { ScriptDatabase } from "../redis/store.js"
import { elapsedMs, now } from "../time/validity.js"
import { Inbox } from "../acquire/queue-wait.js"
import { openStream } from "../acquire/open-stream.js"
import type { Attempts } from "../acquire/attempts.js"
import { type OnceRecord, readRecord } from "./once-record.js"
import type { Led, Running, Told } from "./once-requests.js"

/** Well within the linger of a result, so that who missed a message is still served. */
const LONGEST_PAUSE_MS = 10_000
/** The same for a stream that may have ended unnoticed. */
const LONGEST_UNSURE_MS = 5_000
/** The same for who polls, as in a lock's queue. */
const LONGEST_POLL_MS = 2_000
/** About a round trip: to ask more often would find out hardly sooner. */
const SHORTEST_POLL_MS = 25
/** So far apart those ask whom one event wakes: the first of them leads, and they find it out one by one. */
const SPREAD_MS = 50
/** Closing a stream costs Node about half a millisecond, so other callers in this process read their values first. */
const CLOSE_MS = 20

/** A call that waits. */
export interface Waiting {
  readonly database: ScriptDatabase
  readonly inquiry: Attempts
  /** Whether to listen. */
  readonly push: boolean
  readonly ttlMs: number
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly fingerprint: string
  readonly claim: (since: number) => Promise<Led | Running | Told>
}

/** @throws as an acquire does. */
export async function waitForRun(waiting: Waiting, first: Running): Promise<Led | Told> {
  const { database, inquiry, push, claim } = waiting
  const inbox = new Inbox<string>()
  let answer: Led | Running | Told = first
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
      const open = (withinMs: number) => database.listen(first.channel, listener, withinMs)
      stream = await openStream(inquiry, waiting, open)
    }
    // What was published before the stream was confirmed is found by this claim.
    if (stream) answer = await claim(first.since)
    for (let n = 0; answer.kind === "busy"; n++) {
      inquiry.assertMayGoOn()
      const pause = stream ? listeningPauseMs(answer, waiting) : pollingPauseMs(answer, waiting, n)
      const told = await hear(waiting, answer, inbox, pause)
      if (told === "end") stream = stream?.close() as undefined
      answer = typeof told === "object" ? told : await claim(answer.since)
    }
    return answer
  } finally {
    if (stream) setTimeout(() => stream?.close(), CLOSE_MS)
  }
}

/** The result, if it comes before it is time to ask; "end" when nothing more will come. */
async function hear(
  { inquiry, signal, fingerprint }: Waiting,
  { since }: Running,
  inbox: Inbox<string>,
  pauseMs: number,
): Promise<Told | "ask" | "end"> {
  const startedAt = now()
  for (;;) {
    // One more, since a timer may fire a little early.
    const within = Math.min(pauseMs - elapsedMs(startedAt), inquiry.leftMs + 1)
    const message = await inbox.next(within, signal)
    if (message === undefined || message === "end") return message ?? "ask"
    if (message === "free") {
      await sleep(Math.random() * SPREAD_MS, signal)
      return "ask"
    }
    const record = recordIn(message)
    if (!record || (fingerprint !== "-" && record.fingerprint !== fingerprint)) return "ask"
    // One of a run that ended before this call began is older than the call.
    if (record.settledAt >= since) return { kind: "told", source: "joined", record }
  }
}

/** Undefined where the record has to be asked for. */
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
