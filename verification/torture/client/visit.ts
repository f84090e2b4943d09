// One visit: acquires a lock in one of several ways, stays a while, and ends the hold in one of several ways.
import {
  type AcquireOptions,
  type Lock,
  LockBackendError,
  type LockEvent,
  LockLostError,
  type LockManager,
  LockTimeoutError,
  type ReleaseResult,
} from "../../../src/index.js"
import type { EventCount } from "../../../test/support/event-count.js"
import { GATE_PERMITS, isRegistered } from "../places.js"
import type { Diary } from "./diary.js"
import type { Errand } from "./errand.js"
import { gather } from "./gather.js"
import { runOnce } from "./run-once.js"
import { stand } from "./stand.js"
import { stay } from "./stay.js"
import { work } from "./work.js"

/** The environment of a visit. */
export interface Scene {
  /** The number of the client. */
  readonly client: number
  readonly locks: LockManager
  /** The same manager again, for one visit that follows its events. */
  readonly open: (onEvent: (event: LockEvent) => void) => LockManager
  readonly diary: Diary
  /** Writes to the register with a fencing token; false if it was refused. */
  readonly write: (name: string, fence: number) => Promise<boolean>
  /** The result of this visitor's latest release. */
  readonly latest: { release: ReleaseResult | "unknown" | undefined }
  /** The events of this visitor's manager. */
  readonly count: EventCount
  /** Returns the next visit's number. */
  readonly nextVisit: () => number
  /** Aborted at the end of the run. */
  readonly end: AbortSignal
}

/** A visit that is being made. */
export interface Visit extends Scene {
  readonly errand: Errand
  readonly number: number
}

/** For how long a hold is kept at least: never longer than its ttl. */
const KEPT_MS = 100

/** The reason of an aborted wait. */
const LOST_PATIENCE = new Error("the visitor has lost its patience")

/** Resolves with false if the database could not be reached. @throws only errors that are violations */
export async function visit(scene: Scene, errand: Errand): Promise<boolean> {
  const { diary, end } = scene
  const { place, waitMs, ttlMs, patienceMs } = errand
  const patience = new AbortController()
  const lose = () => {
    patience.abort(LOST_PATIENCE)
  }
  const timer = patienceMs === undefined ? undefined : setTimeout(lose, patienceMs)
  end.addEventListener("abort", lose)
  if (end.aborted) lose()
  const number = scene.nextVisit()
  try {
    const made = { ...scene, errand, number }
    if (errand.way === "all") await gather(made, patience.signal)
    else if (errand.way === "lead") await stand(made, end)
    else {
      await diary.waits(number, place.name, waitMs, ttlMs)
      scene.count.begun++
      await come(made, patience.signal)
    }
  } catch (error) {
    if (error instanceof LockBackendError) {
      await diary.gaveUp(number, "backend")
      return false
    }
    if (error instanceof LockTimeoutError) await diary.gaveUp(number, "timeout")
    else if (error === LOST_PATIENCE) await diary.gaveUp(number, "aborted")
    else if (!(error instanceof LockLostError)) throw error
  } finally {
    clearTimeout(timer)
    end.removeEventListener("abort", lose)
    await diary.miscounted(scene.count.miscounted())
  }
  return true
}

async function come(visit: Visit, signal: AbortSignal): Promise<void> {
  const { errand, locks, diary, number } = visit
  const { way } = errand
  if (errand.place.kind !== "job" && (way === "request" || way === "steal")) {
    await request(visit, signal)
    return
  }
  const { name, kind } = errand.place
  if (kind === "job") {
    await runOnce(visit, signal, (lock) => live(visit, lock, number))
    return
  }
  const { wait, ...options } = optionsOf(errand, signal)
  const at =
    kind === "gate"
      ? locks.semaphore(name, GATE_PERMITS)
      : {
          acquire: (given: AcquireOptions) => locks.acquire(name, given),
          tryAcquire: (given: AcquireOptions) => locks.tryAcquire(name, given),
        }
  const lock = await (way === "try" ? at.tryAcquire(options) : at.acquire({ ...options, wait }))
  if (lock) await hold(visit, lock)
  else await diary.gaveUp(number, "timeout")
}

/** One lock that was granted to the visit. */
async function live(visit: Visit, lock: Lock, number: number): Promise<boolean> {
  await visit.diary.granted(number, lock)
  return work(visit, [{ lock, number }])
}

async function request(visit: Visit, signal: AbortSignal): Promise<void> {
  const { errand, locks, diary, number } = visit
  const { name, kind } = errand.place
  const inside = async (lock: Lock) => {
    await live(visit, lock, number)
    await diary.ended(number)
  }
  const { signal: given, ...others } = optionsOf(errand, signal)
  // A caller that steals is not aborted.
  const options = errand.way === "steal" ? { ...others, steal: true } : { ...others, signal: given }
  visit.latest.release = undefined
  await (kind === "gate"
    ? locks.semaphore(name, GATE_PERMITS).request({ ...others, signal: given }, inside)
    : locks.request(name, options, inside))
  // A release that is retried after the request has settled counts as failed.
  const result = latestRelease(visit) ?? "failed"
  await diary.released(number, result === "unknown" ? "failed" : result)
}

/** A function, since TypeScript believes that it is still undefined after the assignment above. */
function latestRelease({ latest }: Scene): Scene["latest"]["release"] {
  return latest.release
}

export function optionsOf(errand: Errand, signal: AbortSignal) {
  const { place, way, mode, waitMs, ttlMs, stayMs, isWatched } = errand
  return {
    signal,
    wait: waitMs,
    ttl: ttlMs,
    watch: isWatched,
    // Dropped handles would be renewed until they are collected as garbage.
    ...(errand.ending === "crash" && { renew: false }),
    ...(place.kind !== "gate" && { mode, fencing: isRegistered(place.kind) }),
    ...(way === "poll" && { push: false }),
    // Between 30 and 150 ms, derived from the errand's random stay.
    ...(way === "spin" && { interval: Math.round(30 + Math.min(120, stayMs * 10)) }),
  }
}

/** A hold that is released manually. */
async function hold(visit: Visit, lock: Lock): Promise<void> {
  const { diary, locks, number, errand } = visit
  if (!(await live(visit, lock, number))) return
  if (errand.ending === "crash") {
    visit.count.drop(lock.name)
    // The hold is believed until its end.
    await stay({ holds: [{ lock, number }], diary, ms: lock.remainingMs })
    return
  }
  await diary.ended(number)
  if (errand.ending === "keep" && lock.remainingMs > 0) {
    // It is nobody's until its ttl is over, like one that is never released. If that fails, it is released.
    if (await keep(lock)) return
  }
  if (errand.ending !== "transfer" || lock.remainingMs <= 0) {
    await release(visit, lock, number)
    return
  }
  visit.count.begun++
  const adopted = await locks.adopt(lock.transfer())
  const next = visit.nextVisit()
  await live(visit, adopted, next)
  await diary.ended(next)
  await release(visit, adopted, next)
}

async function keep(lock: Lock): Promise<boolean> {
  try {
    await lock.keep(KEPT_MS)
    return true
  } catch (error) {
    if (error instanceof LockBackendError || error instanceof LockLostError) return false
    throw error
  }
}

async function release({ diary }: Scene, lock: Lock, number: number): Promise<void> {
  try {
    await diary.released(number, await lock.release())
  } catch (error) {
    if (!(error instanceof LockBackendError)) throw error
    await diary.released(number, "failed")
  }
}
