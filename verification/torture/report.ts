// What came of a run, as data and as text.
import type { Court } from "./judges/court.js"
import type { Violation } from "./judges/hold.js"
import type { LockOut } from "./judges/lock-out.js"
import type { Crashes } from "./trouble/crashes.js"

export interface Report {
  readonly seed: number
  readonly seconds: number
  readonly grants: number
  /** How many calls got the result of another one's run. */
  readonly shared: number
  readonly requests: number
  readonly faulted: number
  readonly faults: Readonly<Record<string, number>>
  readonly crashes: Crashes
  /** How many requests for a lock were executed when nobody wanted them any more, by a fault or since the machine was busy. */
  readonly belated: number
  /** How many holds were compared with others, and how many of them overlapped. */
  readonly judgedHolds: number
  readonly overlaps: number
  /** Writes to the register that were taken, and such as were refused; of these, those that count against the lock. */
  readonly register: { accepted: number; refused: number; violations: number }
  readonly longestLockOut: LockOut | undefined
  /** What happened at its name until it was over. */
  readonly beforeLongest: readonly string[]
  /** The one that used most of what it was allowed. */
  readonly closestLockOut: LockOut | undefined
  /** Undefined if the run was broken off before that was known. */
  readonly keysLeft: readonly string[] | undefined
  readonly violations: readonly Violation[]
}

interface Circumstances {
  readonly seed: number
  readonly seconds: number
  readonly crashes: Crashes
  readonly keysLeft: readonly string[] | undefined
}

export function reportOf(court: Court, circumstances: Circumstances): Report {
  const { violations, register, faults, requests } = court
  const { accepted, refused } = register
  const unfair = violations.filter(({ judge }) => judge === "register").length
  return {
    ...circumstances,
    grants: court.chronicle.grants,
    shared: court.results.shared,
    requests,
    faulted: [...faults.values()].reduce((sum, n) => sum + n, 0),
    faults: Object.fromEntries([...faults].sort(([a], [b]) => a.localeCompare(b))),
    belated: court.belated,
    judgedHolds: court.overlaps.judged,
    overlaps: court.overlaps.found,
    register: { accepted, refused, violations: unfair },
    longestLockOut: court.lockOuts.longest,
    beforeLongest: court.beforeLongest,
    closestLockOut: court.lockOuts.closest,
    violations: [...violations],
  }
}

/** Whether the run was made to its end, with so many grants that it proves something. */
export function isConclusive({ grants, seconds, keysLeft }: Report): boolean {
  return keysLeft !== undefined && grants >= seconds
}

/** So many violations are told with all their facts. */
const TOLD = 5

/** The violations in full, as far as there are not too many; empty if there are none. */
export function violationsOf({ violations }: Report): string {
  const told = violations.slice(0, TOLD).map(({ judge, second, what, facts }) => {
    return `VIOLATION after ${second.toFixed(1)} s, ${judge}: ${what}\n${JSON.stringify(facts, null, 2)}`
  })
  const more = violations.length - told.length
  return [...told, ...(more > 0 ? [`… and ${more} more`] : [])].join("\n")
}

/** The summary at the end of a run. */
export function summary(report: Report): string {
  const { grants, requests, faulted, faults, crashes, register, seconds } = report
  const share = ((100 * faulted) / Math.max(1, requests)).toFixed(1)
  const { longestLockOut, closestLockOut, keysLeft } = report
  const lines = [
    `seed               ${report.seed}`,
    `time               ${seconds.toFixed(0)} s`,
    `grants             ${grants} (${(grants / seconds).toFixed(0)} a second)`,
    `results shared     ${report.shared}`,
    `requests           ${requests}, of which ${faulted} faulted (${share} %), in ${Object.keys(faults).length} ways`,
    ...Object.entries(faults).map(([label, n]) => `  ${label.padEnd(30)} ${n}`),
    `executed too late  ${report.belated} requests that nobody wanted any more`,
    `clients killed     ${crashes.kills}`,
    `clients paused     ${crashes.pauses}`,
    `Redis restarts     ${crashes.restarts}`,
    `overlaps           ${report.overlaps} among ${report.judgedHolds} holds that were compared`,
    `refused writes     ${register.violations} of holders that believed themselves valid (${register.refused} in all, ${register.accepted} accepted)`,
    `longest lock-out   ${describeLockOut(longestLockOut)}`,
    `closest to bound   ${describeLockOut(closestLockOut)}`,
    `keys left          ${keysLeft ? keysLeft.length : "not known, the run was broken off"}`,
    `violations         ${report.violations.length}`,
  ]
  return lines.join("\n")
}

function describeLockOut(lockOut: LockOut | undefined): string {
  if (!lockOut) return "none"
  const { name, ms, allowance } = lockOut
  return `${Math.round(ms)} ms, allowed ${Math.round(allowance.ms)} ms (${name})`
}
