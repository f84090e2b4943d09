// One visit: gets a lock in one of the ways that there are, stays a while, and lets go of it in one of the ways.
import {
  type AcquireOptions,
  type Lock,
  LockBackendError,
  LockLostError,
  type LockManager,
  LockTimeoutError,
  type ReleaseResult,
} from "../../src/index.js"
import { kindOf, GATE_PERMITS, pickPlace, type Place } from "../places.js"
import type { Random } from "../random.js"
import type { Diary } from "./diary.js"
import { stay } from "./stay.js"

/** What a visit works with. */
export interface Scene {
  readonly locks: LockManager
  readonly random: Random
  readonly diary: Diary
  /** Writes to the register with a fencing token; false if it was refused. */
  readonly write: (name: string, fence: number) => Promise<boolean>
  /** How the latest release of this visitor ended. */
  readonly heard: { released: ReleaseResult | undefined }
  readonly ledgers: number
  readonly ttlMs: number
  /** Numbers for the visits. */
  readonly nextVisit: () => number
  /** Aborted at the end of the run. */
  readonly end: AbortSignal
}

/** How a lock is asked for. */
type Way = "push" | "poll" | "spin" | "try" | "request" | "steal"

const WAYS: readonly (readonly [Way, number])[] = [
  ["push", 0.5],
  ["request", 0.2],
  ["poll", 0.15],
  ["spin", 0.08],
  ["try", 0.07],
]

/** The reason with which a visitor gives up waiting. */
const LOST_PATIENCE = new Error("the visitor has lost its patience")

/** Throws only what must never happen. */
export async function visit(scene: Scene): Promise<void> {
  const { random, diary, end } = scene
  const place = pickPlace(random, scene.ledgers)
  const way = place.kind === "crown" && random.chance(0.3) ? "steal" : random.weighted(WAYS)
  const waitMs = way === "try" ? 0 : random.chance(0.1) ? 200 : 5_000
  const patience = new AbortController()
  const patienceMs = random.chance(0.06) && random.between(1, 400)
  const timer = setTimeout(
    () => {
      patience.abort(LOST_PATIENCE)
    },
    patienceMs || 2 ** 30,
  )
  const onEnd = () => {
    patience.abort(LOST_PATIENCE)
  }
  end.addEventListener("abort", onEnd)
  if (end.aborted) onEnd()
  const number = scene.nextVisit()
  try {
    await diary.waits(number, place.name, waitMs)
    const fencing = place.kind === "ledger" || place.kind === "crown"
    const mode = place.kind === "page" && random.chance(0.7) ? "shared" : "exclusive"
    const options = { wait: waitMs, signal: patience.signal, mode, fencing } as const
    await come(scene, place, way, options, number)
  } catch (error) {
    if (error instanceof LockTimeoutError) await diary.gaveUp(number, "timeout")
    else if (error instanceof LockBackendError) {
      await diary.gaveUp(number, "backend")
      // Whoever failed does not make it worse.
      await new Promise((resolve) => setTimeout(resolve, random.between(50, 500)))
    } else if (error === LOST_PATIENCE) await diary.gaveUp(number, "aborted")
    else if (!(error instanceof LockLostError)) throw error
  } finally {
    clearTimeout(timer)
    end.removeEventListener("abort", onEnd)
  }
}

async function come(
  scene: Scene,
  place: Place,
  way: Way,
  options: AcquireOptions,
  visit: number,
): Promise<void> {
  const { random } = scene
  const terms = { ...options, ...termsOf(way, random) }
  const { mode: _mode, fencing: _fencing, ...permitTerms } = terms
  const { wait: _wait, ...tryTerms } = place.kind === "gate" ? permitTerms : terms
  const at = place.kind === "gate" ? scene.locks.semaphore(place.name, GATE_PERMITS) : undefined
  if (way === "request" || way === "steal") {
    const inside = async (lock: Lock) => {
      await live(scene, lock, visit)
      await scene.diary.ended(visit)
    }
    // A thief has no patience to lose.
    const { signal: _signal, ...stealTerms } = terms
    const request =
      way === "steal" ? { ...stealTerms, renew: true, steal: true } : { ...terms, renew: true }
    scene.heard.released = undefined
    await (at
      ? at.request({ ...permitTerms, renew: true }, inside)
      : scene.locks.request(place.name, request, inside))
    // What is tried again after the request has settled counts as failed.
    await scene.diary.released(visit, scene.heard.released ?? "failed")
    return
  }
  if (way === "try") {
    const found = await (at
      ? at.tryAcquire(tryTerms)
      : scene.locks.tryAcquire(place.name, tryTerms))
    if (found) await hold(scene, found, visit)
    else await scene.diary.gaveUp(visit, "timeout")
    return
  }
  await hold(
    scene,
    await (at ? at.acquire(permitTerms) : scene.locks.acquire(place.name, terms)),
    visit,
  )
}

function termsOf(way: Way, random: Random): AcquireOptions {
  if (way === "poll") return { push: false }
  return way === "spin" ? { interval: random.between(30, 150) } : {}
}

/** A hold that is let go of by hand. */
async function hold(scene: Scene, lock: Lock, visit: number): Promise<void> {
  const { random, diary, locks } = scene
  if (!(await live(scene, lock, visit))) return
  const ending = random.weighted([
    ["release", 0.95],
    ["crash", 0.01],
    ["transfer", 0.04],
  ] as const)
  if (ending === "crash") {
    // It is never released; and to its end it is believed.
    await stay({ lock, visit, diary, ms: lock.remaining })
    return
  }
  await diary.ended(visit)
  if (ending === "transfer" && lock.remaining > 0) {
    const adopted = await locks.adopt(lock.transfer())
    const next = scene.nextVisit()
    await live(scene, adopted, next)
    await diary.ended(next)
    await release(scene, adopted, next)
    return
  }
  await release(scene, lock, visit)
}

async function release({ diary }: Scene, lock: Lock, visit: number): Promise<void> {
  try {
    await diary.released(visit, await lock.release())
  } catch (error) {
    if (!(error instanceof LockBackendError)) throw error
    await diary.released(visit, "failed")
  }
}

/** What is done under the lock. Ends when the lock is to be let go of; false if it was lost before. */
async function live(scene: Scene, lock: Lock, visit: number): Promise<boolean> {
  const { random, diary, write, ttlMs } = scene
  await diary.granted(visit, lock)
  lock.signal.addEventListener("abort", () => void diary.ended(visit))
  const isLong = random.chance(0.04)
  const ms = isLong ? random.between(0.2, 1.1) * ttlMs : random.between(0, 12)
  const extends_ = random.chance(isLong ? 0.4 : 0.05)
  const { fencingToken } = lock
  // A theft leaves the robbed one believing, as documented.
  if (fencingToken !== undefined && kindOf(lock.name) === "ledger" && random.chance(0.6)) {
    const accepted = await write(lock.name, fencingToken)
    if (!accepted && lock.remaining > 0) await diary.refused(visit, fencingToken)
  }
  await stay({ lock, visit, diary, ms: extends_ ? ms / 2 : ms })
  if (extends_ && lock.remaining > 0) {
    // A failure leaves the hold as it was.
    await lock.extend().catch((error: unknown) => {
      if (!(error instanceof LockBackendError || error instanceof LockLostError)) throw error
    })
    await diary.holds(visit, lock)
    await stay({ lock, visit, diary, ms: ms / 2 })
  }
  return lock.remaining > 0
}
