// The stream of a name: one for all calls of a manager that wait for it, where requests may share a connection.
import { RedisError } from "../redis/redis-error.js"
import type { ScriptDatabase } from "../redis/store.js"
import type { Listener, Subscription } from "../redis/transport.js"
import { deadlineMs } from "../time/validity.js"
import { untilAborted } from "../time/timers.js"
import type { AttemptBounds, Attempts } from "../acquire/attempts.js"

/** A stream that is open or opening. */
interface Shared {
  readonly listeners: Set<Listener>
  readonly opening: Promise<Subscription>
  /** Later calls open another one. */
  readonly forget: () => void
}

/** By their databases, and forgotten with them. Not a part of these, since locks do not need it. */
const streams = new WeakMap<ScriptDatabase, Map<string, Shared>>()

/**
 * The stream of a call that waits, or undefined if it could not be opened. If the call has ended meanwhile, it is closed.
 *
 * @throws the signal's reason
 */
export async function openStream(
  attempts: Attempts,
  { signal, timeoutMs }: Pick<AttemptBounds, "signal" | "timeoutMs">,
  database: ScriptDatabase,
  channel: string,
  listener: Listener,
): Promise<Subscription | undefined> {
  const open = (to: Listener) => {
    attempts.count()
    return database.listen(channel, to, deadlineMs(timeoutMs, attempts.leftMs / 2))
  }
  const opening = database.sharesStreams ? join(database, channel, listener, open) : open(listener)
  try {
    return await untilAborted(opening, signal)
  } catch (error) {
    // After an abort it may still open.
    opening.then(
      (stream) => {
        stream.close()
      },
      () => undefined,
    )
    if (!(error instanceof RedisError)) throw error
    return undefined
  }
}

/** Opens the stream of the channel, or uses the one that is open. It is closed with the last of its listeners. */
async function join(
  database: ScriptDatabase,
  channel: string,
  listener: Listener,
  open: (to: Listener) => Promise<Subscription>,
): Promise<Subscription> {
  const known = streams.get(database) ?? new Map<string, Shared>()
  streams.set(database, known)
  const shared = known.get(channel) ?? share(known, channel, open)
  shared.listeners.add(listener)
  const stream = await shared.opening
  const close = () => {
    shared.listeners.delete(listener)
    if (shared.listeners.size > 0) return
    shared.forget()
    stream.close()
  }
  return { close }
}

function share(
  known: Map<string, Shared>,
  channel: string,
  open: (to: Listener) => Promise<Subscription>,
): Shared {
  const listeners = new Set<Listener>()
  // Another stream of the channel may be open by then.
  const forget = () => {
    if (known.get(channel) === shared) known.delete(channel)
  }
  const opening = open({
    onMessage: (message) => {
      for (const each of listeners) each.onMessage(message)
    },
    onEnd: () => {
      forget()
      for (const each of listeners) each.onEnd()
    },
  })
  const shared: Shared = { listeners, opening, forget }
  known.set(channel, shared)
  opening.catch(forget)
  return shared
}
