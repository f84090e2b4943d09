// Stays under a lock for a while, and notes as it goes how long the hold is believed valid.
import type { Lock } from "../../../src/index.js"
import type { Diary } from "./diary.js"

/** Renewals go on by themselves, so the end of a hold is looked up so often. */
const LOOK_MS = 100

export interface Stay {
  readonly lock: Lock
  readonly visit: number
  readonly diary: Diary
  readonly ms: number
}

/** Ends sooner when the hold does. */
export async function stay({ lock, visit, diary, ms }: Stay): Promise<void> {
  const end = Date.now() + ms
  for (let left = ms; left > 0 && lock.remainingMs > 0; left = end - Date.now()) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, LOOK_MS)))
    await diary.holds(visit, lock)
  }
}
