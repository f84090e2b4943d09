// Judges from outside, with a fetch that is not cached, whether code in Next.js is right about its locks.
import { setTimeout as sleep } from "node:timers/promises"
import { LockBackendError, LockManager } from "fetchlock"
import { type Report, stolenName } from "./next-exercise.js"

/** The longest time until a page is rendered again, and until a released lock is free. */
const PATIENCE_MS = 45_000
const FREE_WITHIN_MS = 5_000

/** After a stall of at least this time, the machine may be the cause of a failure. */
const STALL_MS = 250

interface Endpoint {
  readonly url: string
  readonly token: string
}

/** The problem, if there is one, and whether it is certain: a busy machine cannot be its cause. */
export interface Verdict {
  readonly problem: string | null
  readonly isCertain: boolean
}

/**
 * Tries to get the lock while it is held, and steals the other one.
 *
 * On a busy machine it is correct that a short hold is lost. Two holders at a time are a fault, unless the process stalled.
 *
 * @param ask runs the exercise; called again while its answer is an old one from a cache
 */
export async function judge(
  redis: Endpoint,
  name: string,
  ask: () => Promise<Report>,
): Promise<Verdict> {
  const locks = new LockManager({ redis })
  const rival = new Rival(locks, name)
  try {
    const report = await newReport(ask)
    const overlaps = rival.overlapsWith(report)
    const wrong = report.inspected.filter((held) => !held).length
    const problems = problemsOf(report)
    if (wrong > 0) problems.push(`${wrong} calls of inspect said that the lock was free`)
    if (overlaps > 0) problems.push(`there were two holders ${overlaps} times`)
    if (!rival.hasSeen) problems.push("the lock was never seen held")
    if (!(await rival.wins(FREE_WITHIN_MS))) problems.push("the release did not free the lock")
    const isCertain = report.stalledMs < STALL_MS && (overlaps > 0 || report.failure === null)
    return { problem: problems.length === 0 ? null : problems.join("; "), isCertain }
  } catch (error) {
    return { problem: String(error), isCertain: false }
  } finally {
    await rival.stop()
    // The remains of a failed try must not fail the next one.
    for (const left of [name, stolenName(name)]) await unlessSlow(locks.forceRelease(left))
  }
}

async function newReport(ask: () => Promise<Report>): Promise<Report> {
  const start = Date.now()
  while (Date.now() < start + PATIENCE_MS) {
    const report = await ask()
    if (report.start >= start) return report
    await sleep(200)
  }
  throw new Error("the lock was not taken again")
}

function problemsOf({ failure, released, noticed }: Report): string[] {
  const problems: string[] = []
  if (failure !== null) problems.push(failure)
  else if (released !== "released") problems.push(`the release returned "${released}"`)
  if (!noticed) problems.push("the steal was not noticed")
  return problems
}

/** Another program that wants the lock: once the lock is held, it tries again and again. */
class Rival {
  readonly #locks: LockManager
  readonly #name: string
  readonly #wins: number[] = []
  /** Whether the lock was held at all. */
  hasSeen = false
  readonly #running: Promise<unknown>
  #isStopped = false

  constructor(locks: LockManager, name: string) {
    this.#locks = locks
    this.#name = name
    this.#running = Promise.all([this.#compete(), this.#steal()])
  }

  /** How often it got the lock while the other holder believed to hold it. */
  overlapsWith({ held }: Report): number {
    return held === null ? 0 : this.#wins.filter((at) => at > held.from && at < held.until).length
  }

  /** Whether it gets the lock within the time. */
  async wins(withinMs: number): Promise<boolean> {
    const before = this.#wins.length
    const end = Date.now() + withinMs
    while (this.#wins.length === before && Date.now() < end) await sleep(25)
    return this.#wins.length > before
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  async #compete(): Promise<void> {
    await this.#untilHeld(this.#name)
    this.hasSeen = !this.#isStopped
    while (!this.#isStopped) {
      await this.#try()
      await sleep(150)
    }
  }

  async #try(): Promise<void> {
    const lock = await unlessSlow(this.#locks.tryAcquire(this.#name))
    if (!lock) return
    this.#wins.push(Date.now())
    await unlessSlow(lock.release())
  }

  async #steal(): Promise<void> {
    const name = stolenName(this.#name)
    // Again and again: Next 14 renders a page twice at a time, and shows one of the two.
    while (!this.#isStopped) {
      await this.#untilHeld(name)
      await unlessSlow(this.#locks.forceRelease(name))
    }
  }

  async #untilHeld(name: string): Promise<void> {
    while (!this.#isStopped && !(await unlessSlow(this.#locks.inspect(name)))?.isHeld)
      await sleep(100)
  }
}

/** Null if the database did not answer in time, on a busy machine. */
async function unlessSlow<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (error instanceof LockBackendError) return null
    throw error
  }
}
