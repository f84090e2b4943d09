// What the code of a Next.js project does with its locks, and what it believed of them meanwhile. Copied into the project.
import { LockError, LockManager, type LockManagerOptions } from "fetchlock"

/** What a hold was told, with times of the machine's clock. */
export interface Report {
  /** When it began. */
  readonly start: number
  /** When the hold was granted, and when it ended itself or was given up. Null where it was never granted. */
  readonly held: { readonly from: number; readonly until: number } | null
  /** What `inspect` said of the lock while it was held. */
  readonly inspected: readonly boolean[]
  /** What was thrown, or why `signal` aborted, though nobody took the lock away. */
  readonly failure: string | null
  readonly released: string
  /** By how much a timer was late at most: a process that stalls is told late of a hold that has ended. */
  readonly stalledMs: number
  /** Whether `signal` aborted for the lock that is taken away meanwhile. */
  readonly noticed: boolean
}

/** How long a lock is held: several renewals, and more than two of its ttls. Nobody judges what the build renders. */
const HOLD_MS = process.env["NEXT_PHASE"] === "phase-production-build" ? 100 : 7_500

const TICK_MS = 50

/** No shorter: what is built and started beside it makes the machine busy. */
const TERMS = { ttl: "3s", renew: true } as const

/** The lock that is taken away while it is held. */
export const stolenName = (name: string) => `${name} (stolen)`

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Holds the lock for a while, and beside it one that is stolen.
 *
 * Reports the library's own errors and throws all others on: those by which Next controls a render among them.
 */
export async function exercise(name: string, redis?: LockManagerOptions["redis"]): Promise<Report> {
  const locks = redis === undefined ? LockManager.fromEnv() : new LockManager({ redis })
  const start = Date.now()
  const stalls = watchStalls()
  try {
    const [hold, noticed] = await Promise.all([keep(locks, name), lose(locks, stolenName(name))])
    return { ...hold, start, noticed, stalledMs: stalls.longest() }
  } finally {
    stalls.stop()
  }
}

/** Measures how late timers are. (Next 14 compiles for ES5: no private members.) */
function watchStalls(): { readonly longest: () => number; readonly stop: () => void } {
  let last = Date.now()
  let longest = 0
  const timer = setInterval(() => {
    const now = Date.now()
    longest = Math.max(longest, now - last - TICK_MS)
    last = now
  }, TICK_MS)
  return {
    longest: () => longest,
    stop: () => {
      clearInterval(timer)
    },
  }
}

async function keep(
  locks: LockManager,
  name: string,
): Promise<Pick<Report, "held" | "inspected" | "failure" | "released">> {
  const inspected: boolean[] = []
  let held: Report["held"] = null
  try {
    const lock = await locks.acquire(name, TERMS)
    const from = Date.now()
    held = { from, until: Infinity }
    lock.signal.addEventListener("abort", () => {
      held = { from, until: Date.now() }
    })
    while (Date.now() < from + HOLD_MS) {
      await pause(500)
      lock.signal.throwIfAborted()
      inspected.push((await locks.inspect(name)).isHeld)
    }
    // Longer than the judge waits: only a release frees it in time.
    await lock.extend("30s")
    held = { from, until: Date.now() }
    return { held, inspected, failure: null, released: await lock.release() }
  } catch (error) {
    if (!(error instanceof LockError)) throw error
    if (held !== null) held = { from: held.from, until: Math.min(held.until, Date.now()) }
    return { held, inspected, failure: String(error), released: "never" }
  }
}

async function lose(locks: LockManager, name: string): Promise<boolean> {
  try {
    const lock = await locks.acquire(name, TERMS)
    const end = Date.now() + HOLD_MS
    while (Date.now() < end && !lock.signal.aborted) await pause(50)
    const noticed = lock.signal.aborted
    await lock.release()
    return noticed
  } catch (error) {
    if (!(error instanceof LockError)) throw error
    return false
  }
}

/** The report as text that survives HTML and React's own format. */
export const encode = (report: Report) => `report:${btoa(JSON.stringify(report))}:end`

/** Null where there is none. */
export function decode(text: string): Report | null {
  const [, report] = /report:([\w+/=]+):end/.exec(text) ?? []
  return report === undefined ? null : (JSON.parse(atob(report)) as Report)
}
