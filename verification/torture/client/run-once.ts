// A visit to a job: runs it, or gets the result of the visit that does.
import type { Lock } from "../../../src/index.js"
import { once, OnceRunError } from "../../../src/once/index.js"
import { rememberMsOf } from "../places.js"
import type { Visit } from "./visit.js"

/** The part of the runs that fail: their error goes to those who joined. */
const FAILING = 10

/** @param live does what is done under the lock. */
export async function runOnce(
  visit: Visit,
  signal: AbortSignal,
  live: (lock: Lock) => Promise<unknown>,
): Promise<void> {
  const { errand, locks, diary, number, client } = visit
  const { place, way, waitMs, ttlMs } = errand
  const id = `${client} ${number}`
  const failure = new Error(id)
  let leftMs = 0
  let endedAt = 0
  const run = async (lock: Lock) => {
    await live(lock)
    await diary.ended(number)
    leftMs = lock.remainingMs
    endedAt = performance.now()
    if (number % FAILING === FAILING - 1) throw failure
    return id
  }
  const options = {
    remember: rememberMsOf(place.name),
    // A crash must be over when the judges check the remaining keys.
    attempts: Infinity,
    rememberCrashes: 1_000,
    fencing: true,
    ...{ wait: waitMs, ttl: ttlMs, push: way !== "poll", signal },
  } as const
  visit.latest.release = undefined
  // One that was released after its hold had ended may have been released by another's end.
  const settled = async () => {
    if (visit.latest.release !== "released") return
    await diary.settled(number, performance.now() - endedAt < leftMs)
  }
  try {
    const { value, source } = await once.detailed(locks, place.name, options, run)
    if (source === "ran") await settled()
    else await diary.told(number, value, source === "joined" ? "joined" : "remembered")
  } catch (error) {
    if (error === failure) return
    if (!(error instanceof OnceRunError)) throw error
    await diary.told(number, error.message, "joined")
  }
}
