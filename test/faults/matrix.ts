// The faults that each operation is put through, how often each of them strikes, and when a call must overcome it.
import { always, type Fault, inOrder, type Plan } from "../support/fault-proxy.js"

/** The timeout of a request if the fault is that it takes too long. */
const SHORT_TIMEOUT = 700
/** Long after the sender of the request has given it up. */
export const LATE = 1_400
/** The timeout of a request otherwise: long enough that only the fault ends it. */
const AMPLE_TIMEOUT = 5_000
/** The delay that a busy machine may add. */
export const SLACK = 1_500
/** Long enough that a name that stays locked is noticed, not waited for. */
export const TTL = 20_000

export interface FaultCase {
  readonly what: string
  readonly fault: Fault
  /** It may be executed after its sender has given it up. */
  readonly isExecutedLate?: boolean
  /** A reply that is a refusal, or that is taken for one, is not retried. */
  readonly isRefusal?: boolean
}

function replaced(what: string, status: number, body: string): FaultCase[] {
  return [true, false].map((executed) => ({
    what: `${what}, ${executed ? "after" : "without"} the execution`,
    fault: { kind: "replaced", executed, status, body },
  }))
}

function hangs(after: "nothing" | "half"): FaultCase[] {
  return [true, false].map((executed) => ({
    what: `an answer that stops at ${after}, ${executed ? "after" : "without"} the execution`,
    fault: { kind: "hang", executed, after },
  }))
}

export const FAULTS: readonly FaultCase[] = [
  { what: "a lost request", fault: { kind: "request-lost" } },
  { what: "a request lost by a reset", fault: { kind: "request-lost", by: "reset" } },
  { what: "a lost reply", fault: { kind: "reply-lost" } },
  { what: "a reply lost by a reset", fault: { kind: "reply-lost", by: "reset" } },
  { what: "a slow request", fault: { kind: "request-delayed", ms: 50 } },
  { what: "a late request", fault: { kind: "request-delayed", ms: LATE }, isExecutedLate: true },
  { what: "a slow reply", fault: { kind: "reply-delayed", ms: 50 } },
  { what: "a late reply", fault: { kind: "reply-delayed", ms: LATE } },
  { what: "a request executed twice", fault: { kind: "doubled", ms: 0, answer: "first" } },
  {
    what: "a request executed again later",
    fault: { kind: "doubled", ms: LATE, answer: "first" },
    isExecutedLate: true,
  },
  {
    what: "a request executed twice, answered the second time",
    fault: { kind: "doubled", ms: 0, answer: "second" },
  },
  {
    what: "a request executed again later, answered the second time",
    fault: { kind: "doubled", ms: LATE, answer: "second" },
    isExecutedLate: true,
  },
  { what: "half a reply", fault: { kind: "truncated", framing: "broken" } },
  { what: "half a reply that passes for a whole", fault: { kind: "truncated", framing: "intact" } },
  ...replaced("a 429", 429, '{"error":"slow down"}'),
  ...replaced("a 500", 500, '{"error":"internal"}'),
  ...replaced("a gateway's HTML", 502, "<html><h1>502 Bad Gateway</h1></html>"),
  ...replaced("an empty body", 200, ""),
  ...replaced("a body that is not JSON", 200, "OK"),
  ...replaced("a JSON without a result", 200, "{}"),
  ...replaced("a refusal", 400, '{"error":"ERR no"}').map((it) => ({ ...it, isRefusal: true })),
  ...hangs("nothing"),
  ...hangs("half"),
]

/** Whether the fault is noticed only when the request times out. */
function outlastsTimeout({ fault }: FaultCase): boolean {
  return fault.kind === "hang" || ("ms" in fault && fault.ms === LATE)
}

/** The timeout of a request that suffers the fault. */
export function timeoutFor(faultCase: FaultCase): number {
  return outlastsTimeout(faultCase) ? SHORT_TIMEOUT : AMPLE_TIMEOUT
}

const ALL = process.env["FAULTS"] === "all"

/**
 * One of each n of these, at the next step another one; never the same of each n, since some of the list come in pairs. To run
 * all of them at each step: `FAULTS=all npx vitest run test/faults`.
 */
function oneOf<Case>(n: number, cases: readonly Case[], step: number): readonly Case[] {
  return cases.filter((_, i) => ALL || (i + Math.floor(i / n) + step) % n === 0)
}

export function half<Case>(cases: readonly Case[], step: number): readonly Case[] {
  return oneOf(2, cases, step)
}

export function someFaults(step: number): readonly FaultCase[] {
  return oneOf(4, FAULTS, step)
}

/** How often the fault strikes. */
export type Pattern = "once" | "always"
export const PATTERNS: readonly Pattern[] = ["once", "always"]

/** Each fault strikes in one of the patterns, at the next step in the other one. */
export function faultsOf(pattern: Pattern, step: number): readonly FaultCase[] {
  return half(FAULTS, step + PATTERNS.indexOf(pattern))
}

export function planOf(pattern: Pattern, operation: string, fault: Fault): Plan {
  return pattern === "once" ? inOrder(operation, fault) : always(operation, fault)
}

/** Whether a call must overcome the fault by a retry: there is time for it, and a reply. */
export function mustOvercome(faultCase: FaultCase, pattern: Pattern): boolean {
  return pattern === "once" && !faultCase.isRefusal && !outlastsTimeout(faultCase)
}
