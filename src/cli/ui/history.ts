// Remembers for some minutes who held each lock that was looked up, for the timeline.
import type { LockDetails } from "../lock-details.js"

/** A stretch of time with the same holder. Times are epoch milliseconds of this machine. */
export interface Segment {
  readonly clientId: string
  readonly fromMs: number
  toMs: number
}

/** A moment at which a lock was read. */
export interface Sample {
  readonly atMs: number
  readonly waiting: number
}

export interface LockHistory {
  readonly segments: readonly Segment[]
  readonly samples: readonly Sample[]
}

export const HISTORY_MS = 300_000
/** Of each lock. A hold that is read once is one stretch, so a shared lock with many short holds has more than a page can draw. */
const MOST_SEGMENTS = 1_000
/** A client that was not seen for longer is shown as two stretches: nobody knows what was in between. */
const LONGEST_GAP_MS = 30_000

interface Lane {
  segments: Segment[]
  readonly samples: Sample[]
}

export class History {
  readonly #lanes = new Map<string, Lane>()

  record({ name, holders, waiters }: LockDetails, atMs: number): void {
    const lane = this.#lanes.get(name) ?? { segments: [], samples: [] }
    this.#lanes.set(name, lane)
    const lastMs = lane.samples.at(-1)?.atMs
    const isOpen = ({ toMs }: Segment) => toMs === lastMs && atMs - toMs <= LONGEST_GAP_MS
    const open = lane.segments.filter(isOpen)
    for (const { clientId } of holders) {
      // A client may share a lock with itself.
      const continued = open.find((one) => one.clientId === clientId && one.toMs !== atMs)
      if (continued) continued.toMs = atMs
      else lane.segments.push({ clientId, fromMs: atMs, toMs: atMs })
    }
    lane.samples.push({ atMs, waiting: waiters.length })
    this.#forget(name, lane, atMs - HISTORY_MS)
  }

  of(name: string): LockHistory {
    return this.#lanes.get(name) ?? { segments: [], samples: [] }
  }

  /** Forgets locks that were not read for as long as the timeline shows. */
  clean(nowMs: number): void {
    for (const [name, lane] of this.#lanes) this.#forget(name, lane, nowMs - HISTORY_MS)
  }

  #forget(name: string, lane: Lane, beforeMs: number): void {
    // They are in the order of their beginnings, and end in any order.
    lane.segments = lane.segments.filter(({ toMs }) => toMs >= beforeMs)
    const excess = lane.segments.length - MOST_SEGMENTS
    if (excess > 0) {
      const byEnd = [...lane.segments].sort((a, b) => a.toMs - b.toMs)
      const oldest = new Set(byEnd.slice(0, excess))
      lane.segments = lane.segments.filter((segment) => !oldest.has(segment))
    }
    while (lane.samples[0] && lane.samples[0].atMs < beforeMs) lane.samples.shift()
    if (lane.samples.length === 0) this.#lanes.delete(name)
  }
}
