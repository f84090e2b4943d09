// Stays under a lock for a while, and notes from time to time how long the hold is believed valid.
import type { Lock } from "../../../src/index.js"
import type { Diary } from "./diary.js"

/** How often the end of a hold is noted: renewals move it. */
const NOTE_MS = 100

export interface Stay {
  readonly lock: Lock
  readonly visit: number
  readonly diary: Diary
  readonly ms: number
}

/** Ends early if the hold ends. */
export async function stay({ lock, visit, diary, ms }: Stay): Promise<void> {
  const end = Date.now() + ms
  for (let left = ms; left > 0 && lock.remainingMs > 0; left = end - Date.now()) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, NOTE_MS)))
    await diary.holds(visit, lock)
  }
}
