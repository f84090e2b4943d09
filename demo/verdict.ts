// Lists the failures of a run.
import type { Booking } from "./box-office.js"
import { findOverlaps, type Overlap } from "./overlaps.js"

/** The result of all requests. */
export interface Verdict {
  readonly overlaps: readonly Overlap[]
  /** A sentence for each failure. */
  readonly complaints: readonly string[]
}

/** @param instances the expected number of processes */
export function judge(
  outcomes: readonly PromiseSettledResult<Booking>[],
  instances: number,
): Verdict {
  const bookings = outcomes.flatMap((outcome) =>
    outcome.status === "fulfilled" ? [outcome.value] : [],
  )
  const overlaps = findOverlaps(bookings)
  const isolates = new Set(bookings.map((booking) => booking.isolate))
  return {
    overlaps,
    complaints: [
      ...outcomes.flatMap((outcome) =>
        outcome.status === "rejected" ? [`a request failed: ${String(outcome.reason)}`] : [],
      ),
      ...overlaps.map(describe),
      ...soldTwice(bookings).map((seat) => `sold twice: ${seat}`),
      ...(isolates.size < instances
        ? [`isolates: expected ${instances}, got ${isolates.size}`]
        : []),
    ],
  }
}

function soldTwice(bookings: readonly Booking[]): string[] {
  const seats = bookings.map(({ show, seat }) => `seat ${seat} of ${show}`)
  return seats.filter((seat, index) => seats.indexOf(seat) !== index)
}

function describe({ first, second, seenIn }: Overlap): string {
  const times = [first, second].map(({ enteredAt, leftAt }) => `${enteredAt}–${leftAt}`)
  const tokens = [first, second].map(({ fencingToken }) => fencingToken)
  const facts = seenIn === "times" ? times : tokens
  return `overlap of ${first.lock}, seen in its ${seenIn}: ${facts.join(" and ")}`
}
