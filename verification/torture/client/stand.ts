// A visit to a chair: stands for election, leads for some terms, and resigns.
import type { Lock } from "../../../src/index.js"
import { lead } from "../../../src/leader/index.js"
import { EventNotes } from "./event-notes.js"
import { stay } from "./stay.js"
import type { Visit } from "./visit.js"
import { work } from "./work.js"

/** How long the work goes on after its signal has aborted: the lock must not be released before. */
const WINDING_DOWN_MS = 40

const DONE = "done"

/** @param end makes it resign */
export async function stand(visit: Visit, end: AbortSignal): Promise<void> {
  const { errand, diary, count, open } = visit
  const { place, waitMs, ttlMs, isWatched, term } = errand
  const { name } = place
  const notes = new EventNotes(visit)
  const resigning = new AbortController()
  const resign = () => {
    resigning.abort()
  }
  let isLeading = false
  const run = async (lock: Lock, signal: AbortSignal) => {
    if (isLeading) await diary.misled(`${name}: a candidate leads twice at once`)
    isLeading = true
    lock.signal.addEventListener("abort", () => {
      if (!signal.aborted) void diary.misled(`${name}: a leader that lost its hold was not told`)
    })
    const holds = notes.held([lock])
    await work(visit, holds, signal)
    if (term === "resign") resign()
    if (resigning.signal.aborted && !signal.aborted) {
      await diary.misled(`${name}: a leader that is to resign was not told`)
    }
    if (signal.aborted) await stay({ holds, diary, ms: WINDING_DOWN_MS })
    for (const { number } of notes.held([lock])) await diary.ended(number)
    isLeading = false
    if (term === "fail") throw new Error("this term failed")
    return DONE
  }
  const timer = setTimeout(resign, waitMs)
  end.addEventListener("abort", resign)
  if (end.aborted) resign()
  try {
    const value = await lead(open(notes.onEvent), name, run, {
      ttl: ttlMs,
      fencing: true,
      watch: isWatched,
      signal: resigning.signal,
      onReturn: term === "stand" ? "stand" : "resign",
    })
    if (value !== DONE && !resigning.signal.aborted) {
      await diary.misled(`${name}: a candidate gave up by itself`)
    }
  } finally {
    clearTimeout(timer)
    end.removeEventListener("abort", resign)
    // The number of its calls is its own affair; each has an end.
    count.begun = count.ended
  }
}
