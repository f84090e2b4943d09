// Notifies a hold that it was stolen: the script that steals it publishes a message on the channel of its token.
import type { PollingReason } from "../events.js"
import { RedisError } from "../redis/redis-error.js"
import type { HeldStream, LockQueue, Notice } from "../redis/store.js"
import type { Subscription } from "../redis/transport.js"
import { hexDigest } from "../values/digest.js"
import type { HoldMonitor } from "./hold-monitor.js"

/** Where a hold receives the message. */
export interface Watch {
  readonly channel: string
  readonly queue: LockQueue
  /** The stream through which the hold received its grant, if there was one. */
  readonly stream?: HeldStream | undefined
}

/**
 * The channel of a token. Scripts derive it in the same way, so nothing has to be stored, and it says nothing about the
 * token or the lock.
 */
export async function stealChannel(token: string): Promise<string> {
  return `fetchlock-${await hexDigest("SHA-1", token)}`
}

/**
 * Watches until the hold ends. If the stream does not open, or ends, the event `unwatched` says so, and the hold
 * notices at its next renewal that it was stolen.
 *
 * @param check asks the database once whether the hold is still ours: a message before the stream was open is missed
 */
export function watchHold(
  monitor: HoldMonitor,
  { channel, queue, stream }: Watch,
  timeoutMs: number,
  check: () => void,
): void {
  let isOver = false
  let opened: Subscription | undefined = stream
  monitor.onEnd = () => {
    isOver = true
    opened?.close()
  }
  const onNotice = (notice: Notice) => {
    if (isOver) return
    // Anyone who may publish can have sent it, so it only takes away: the release still goes to the database.
    if (notice.kind === "stolen") monitor.loseIfHeld("stolen")
    else if (notice.kind === "opened") check()
    else if (notice.kind === "end") monitor.noticeUnwatched(reasonOf(notice.error))
  }
  if (stream) {
    stream.forward(onNotice)
    return
  }
  queue.listen(channel, onNotice, timeoutMs).then(
    (subscription) => {
      opened = subscription
      if (isOver) subscription.close()
      onNotice({ kind: "opened" })
    },
    (error: unknown) => {
      onNotice({ kind: "end", error })
    },
  )
}

/** @param error undefined if the stream was open */
function reasonOf(error: unknown): PollingReason {
  if (error === undefined) return "ended"
  return error instanceof RedisError && !error.isTransient ? "refused" : "failed"
}
