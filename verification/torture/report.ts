// The result of a run, as data and as text.
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
  /** How many calls got all of several locks. */
  readonly groups: number
  /** The terms of leaders. */
  readonly terms: number
  /** The calls and holds whose ends were counted. */
  readonly events: { readonly calls: number; readonly holds: number }
  readonly requests: number
  readonly faulted: number
  readonly faults: Readonly<Record<string, number>>
  readonly crashes: Crashes
  /** The number of requests for a lock that were executed after they were given up, by a fault or on a busy machine. */
  readonly belated: number
  /** The number of holds that were compared with others, and of those that overlapped. */
  readonly judgedHolds: number
  readonly overlaps: number
  /** Accepted and refused writes to the register, and the refused ones that are violations. */
  readonly register: { accepted: number; refused: number; violations: number }
  readonly longestLockOut: LockOut | undefined
  /** The events of its name until it was over. */
  readonly beforeLongest: readonly string[]
  /** The lock-out that used the largest part of its allowance. */
  readonly closestLockOut: LockOut | undefined
  /** Undefined if the run was interrupted before this was known. */
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
    groups: court.groups.gathered,
    terms: court.terms,
    events: court.events,
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

/** Whether the run was completed, with enough grants to prove something. */
export function isConclusive({ grants, seconds, keysLeft }: Report): boolean {
  return keysLeft !== undefined && grants >= seconds
}

/** The number of violations that are printed in full. */
const PRINTED = 5

/** The first violations in full; empty if there are none. */
export function violationsOf({ violations }: Report): string {
  const printed = violations.slice(0, PRINTED).map(({ judge, second, what, facts }) => {
    return `VIOLATION after ${second.toFixed(1)} s, ${judge}: ${what}\n${JSON.stringify(facts, null, 2)}`
  })
  const more = violations.length - printed.length
  return [...printed, ...(more > 0 ? [`… and ${more} more`] : [])].join("\n")
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
    `groups             ${report.groups} calls got all of several locks`,
    `terms              ${report.terms} of leaders`,
    `events             one for the end of each of ${report.events.calls} calls and ${report.events.holds} holds`,
    `requests           ${requests}, of which ${faulted} faulted (${share} %), in ${Object.keys(faults).length} ways`,
    ...Object.entries(faults).map(([label, n]) => `  ${label.padEnd(30)} ${n}`),
    `executed too late  ${report.belated} requests that had been given up`,
    `clients killed     ${crashes.kills}`,
    `clients paused     ${crashes.pauses}`,
    `Redis restarts     ${crashes.restarts}`,
    `overlaps           ${report.overlaps} among ${report.judgedHolds} holds that were compared`,
    `refused writes     ${register.violations} of holders that believed their hold valid (${register.refused} in all, ${register.accepted} accepted)`,
    `longest lock-out   ${describeLockOut(longestLockOut)}`,
    `closest to bound   ${describeLockOut(closestLockOut)}`,
    `keys left          ${keysLeft ? keysLeft.length : "unknown, the run was interrupted"}`,
    `violations         ${report.violations.length}`,
  ]
  return lines.join("\n")
}

function describeLockOut(lockOut: LockOut | undefined): string {
  if (!lockOut) return "none"
  const { name, ms, allowance } = lockOut
  return `${Math.round(ms)} ms, allowed ${Math.round(allowance.ms)} ms (${name})`
}
