// The exercise of a Next.js project: uses locks, and reports what it believed about them. Copied into the project.
import { LockError, LockManager, type LockManagerOptions } from "fetchlock"

/** The observations of a holder, with times of the machine's clock. */
export interface Report {
  /** When it began. */
  readonly start: number
  /** When the hold was granted, and when it ended or was given up. Null if it was never granted. */
  readonly held: { readonly from: number; readonly until: number } | null
  /** The results of `inspect` while the lock was held. */
  readonly inspected: readonly boolean[]
  /** The error, or the reason of `signal`, of the lock that is not stolen. */
  readonly failure: string | null
  readonly released: string
  /** The largest delay of a timer: a process that stalls notices late that a hold has ended. */
  readonly stalledMs: number
  /** Whether `signal` aborted for the lock that is stolen meanwhile. */
  readonly noticed: boolean
}

/** How long a lock is held: several renewals, and more than two ttls. Renders of the build are not judged. */
const HOLD_MS = process.env["NEXT_PHASE"] === "phase-production-build" ? 100 : 7_500

const TICK_MS = 50

/** Not shorter: the machine is busy with builds and servers. */
const TERMS = { ttl: "3s", renew: true } as const

/** The lock that is stolen while it is held. */
export const stolenName = (name: string) => `${name} (stolen)`

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Holds the lock for a while, and at the same time one that is stolen.
 *
 * Reports the library's errors and rethrows all others, including those by which Next controls a render.
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

/** Measures the delay of timers. (Next 14 compiles for ES5: no private members.) */
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
    // Longer than the judge waits, so that only a release frees it in time.
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

/** The report as text that survives HTML and React's format. */
export const encode = (report: Report) => `report:${btoa(JSON.stringify(report))}:end`

/** Null if the text contains no report. */
export function decode(text: string): Report | null {
  const [, report] = /report:([\w+/=]+):end/.exec(text) ?? []
  return report === undefined ? null : (JSON.parse(atob(report)) as Report)
}
