// Stays under locks for a while, and notes from time to time how long the holds are believed valid.
import type { Diary } from "./diary.js"
import type { Held } from "./work.js"

/** How often the end of a hold is noted: renewals move it. */
const NOTE_MS = 100

interface Stay {
  readonly holds: readonly Held[]
  readonly diary: Diary
  readonly ms: number
  /** Ends it early. */
  readonly signal?: AbortSignal | undefined
}

/** Ends early if a hold ends. */
export async function stay({ holds, diary, ms, signal }: Stay): Promise<void> {
  const end = performance.now() + ms
  const isOver = () => signal?.aborted === true || holds.some(({ lock }) => lock.remainingMs <= 0)
  for (let left = ms; left > 0 && !isOver(); left = end - performance.now()) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, NOTE_MS)))
    for (const { lock, number } of holds) await diary.holds(number, lock)
  }
}
