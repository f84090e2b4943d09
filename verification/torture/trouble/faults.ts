// The faults of the network: their kinds, their frequency, and their effect on the lock.
import type { Fault } from "../../../test/support/fault-proxy.js"
import type { Random } from "../random.js"
import { TIMEOUT_MS } from "../times.js"

/** A fault that was chosen for one request. */
export interface ChosenFault {
  /** Its name in the summary. */
  readonly label: string
  readonly fault: Fault
  /**
   * - `silent`: a waiter is not notified of its grant
   * - `fault`: the request must be retried
   */
  readonly effect: "fault" | "silent"
}

type Maker = (random: Random) => Omit<ChosenFault, "label">

/** A fault after which the request must be retried; `drawn` at random, `once` always the same. */
const drawn =
  (draw: (random: Random) => Fault): Maker =>
  (random) => ({ fault: draw(random), effect: "fault" })
const once = (fault: Fault) => drawn(() => fault)

function replaced(executed: boolean, status: number, body: string): Maker {
  return once({ kind: "replaced", executed, status, body })
}

const GATEWAY = "<html><h1>502 Bad Gateway</h1></html>"
/** Mostly only a little too late: a much later reply can no longer do harm. */
const outlasting = (random: Random) => TIMEOUT_MS + 20 + 480 * random.next() ** 2
const slow = (random: Random) => random.between(30, TIMEOUT_MS - 50)

const TOO_LATE = "reply too late"
const lateReply = drawn((r) => ({ kind: "reply-delayed", ms: outlasting(r) }))

/** With weights: short faults are more frequent than long ones. */
const OF_REQUESTS: readonly (readonly [label: string, weight: number, make: Maker])[] = [
  ["request lost", 2, once({ kind: "request-lost" })],
  ["request lost by a reset", 2, once({ kind: "request-lost", by: "reset" })],
  ["reply lost", 2, once({ kind: "reply-lost" })],
  ["reply lost by a reset", 2, once({ kind: "reply-lost", by: "reset" })],
  ["request slow", 1, drawn((r) => ({ kind: "request-delayed", ms: slow(r) }))],
  ["request executed late", 3, drawn((r) => ({ kind: "request-delayed", ms: outlasting(r) }))],
  ["reply slow", 5, drawn((r) => ({ kind: "reply-delayed", ms: slow(r) }))],
  [TOO_LATE, 6, lateReply],
  ["executed twice at once", 2, once({ kind: "doubled", ms: 0, answer: "first" })],
  ["executed twice, second answer", 1, once({ kind: "doubled", ms: 0, answer: "second" })],
  [
    "executed again late",
    2,
    drawn((r) => ({ kind: "doubled", ms: outlasting(r), answer: "first" })),
  ],
  ["body cut off", 1, once({ kind: "truncated", framing: "broken" })],
  ["half a body for a whole", 1, once({ kind: "truncated", framing: "intact" })],
  ["429", 1, replaced(false, 429, '{"error":"slow down"}')],
  ["500 after execution", 1, replaced(true, 500, '{"error":"internal"}')],
  ["500 without execution", 1, replaced(false, 500, '{"error":"internal"}')],
  ["502 HTML after execution", 1, replaced(true, 502, GATEWAY)],
  ["502 HTML without execution", 1, replaced(false, 502, GATEWAY)],
  ["hang before execution", 0.5, once({ kind: "hang", executed: false, after: "nothing" })],
  ["hang after execution", 0.5, once({ kind: "hang", executed: true, after: "nothing" })],
  ["hang at half the body", 0.5, once({ kind: "hang", executed: true, after: "half" })],
]

const OF_STREAMS: readonly (readonly [label: string, weight: number, make: Maker])[] = [
  ["stream refused", 2, replaced(false, 503, "no streams now")],
  ["stream hangs", 0.5, once({ kind: "hang", executed: false, after: "nothing" })],
  ["stream cut", 2, drawn((r) => cut(r, "end"))],
  ["stream reset", 2, drawn((r) => cut(r, "reset"))],
  [
    "stream stalled",
    1,
    () => ({ fault: { kind: "stream-stalled", after: "confirmation" }, effect: "silent" }),
  ],
  ["stream silent from the start", 0.5, once({ kind: "stream-stalled", after: "headers" })],
  ["stream garbled", 2, once({ kind: "stream-garbled", text: "data: mess\n\n" })],
  ["stream in pieces", 1, once({ kind: "stream-split", bytes: 3 })],
]

function cut(random: Random, by: "end" | "reset"): Fault {
  return { kind: "stream-cut", afterMs: random.between(1, 300), by }
}

/** A reply that comes after its request was given up. */
export function tooLate(random: Random): ChosenFault {
  return { label: TOO_LATE, ...lateReply(random) }
}

/** A random fault for a request. */
export function chooseFault(random: Random, isStream: boolean): ChosenFault {
  const table = isStream ? OF_STREAMS : OF_REQUESTS
  const [label, make] = random.weighted(
    table.map(([label, weight, make]) => [[label, make] as const, weight] as const),
  )
  return { label, ...make(random) }
}
