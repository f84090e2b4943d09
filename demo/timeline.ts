// Draws a timeline of waits and holds: a row for each booking, in the order of the holds.
import type picocolors from "picocolors"
import type { Booking } from "./box-office.js"
import type { Answer } from "./token-desk.js"

/** The width and the colors of the timeline. */
export interface Canvas {
  /** The columns of a row. */
  readonly width: number
  readonly colors: ReturnType<typeof picocolors.createColors>
}

/** The text before a row's bar: its position, and the instance. */
const BEFORE = " 1 A ".length
/** The text after it: how long the buyer waited, and held the lock. */
const BEHIND = " 12345 ms  123 ms".length
const BEHIND_ANSWER = " 12345 ms remembered".length

/** The rows, grouped by lock. All bars share one time axis. */
export function drawTimeline(bookings: readonly Booking[], { width, colors }: Canvas): string[] {
  const begin = Math.min(...bookings.map((booking) => booking.requestedAt))
  const end = Math.max(...bookings.map((booking) => booking.leftAt))
  const columns = width - BEFORE - BEHIND
  const column = (time: number) => Math.floor(((time - begin) / (end - begin)) * columns)

  const heading = (lock: string) => {
    const axisEnd = `${end - begin} ms`.padStart(BEFORE + columns - lock.length)
    return colors.bold(lock) + colors.dim(`${axisEnd}   waited    held`)
  }

  const row = (booking: Booking, index: number) => {
    const paint = booking.instance % 2 === 0 ? colors.cyan : colors.magenta
    const asked = column(booking.requestedAt)
    const from = Math.min(column(booking.enteredAt), columns - 1)
    const to = Math.max(column(booking.leftAt), from + 1)
    return [
      String(index + 1).padStart(2),
      paint(instanceName(booking.instance)),
      " ".repeat(asked) +
        colors.dim("·".repeat(from - asked)) +
        paint("█".repeat(to - from)) +
        " ".repeat(columns - to),
      `${String(booking.enteredAt - booking.requestedAt).padStart(5)} ms`,
      ` ${String(booking.leftAt - booking.enteredAt).padStart(3)} ms`,
    ].join(" ")
  }

  const inOrder = [...bookings].sort((a, b) => a.enteredAt - b.enteredAt)
  const locks = [...new Set(bookings.map((booking) => booking.lock))].sort()
  return locks.flatMap((lock) => [
    heading(lock),
    ...inOrder.filter((booking) => booking.lock === lock).map(row),
  ])
}

/** A row for each answer, in their order; the one that ran shows when it did. */
export function drawAnswers(
  answers: readonly Answer[],
  ran: { readonly from: number; readonly to: number },
  { width, colors }: Canvas,
): string[] {
  const begin = Math.min(...answers.map(({ requestedAt }) => requestedAt))
  const end = Math.max(...answers.map(({ answeredAt }) => answeredAt))
  const columns = width - BEFORE - BEHIND_ANSWER
  const column = (time: number) =>
    Math.min(columns, Math.max(0, Math.round(((time - begin) / (end - begin || 1)) * columns)))
  const row = ({ instance, source, requestedAt, answeredAt }: Answer, index: number) => {
    const paint = instance % 2 === 0 ? colors.cyan : colors.magenta
    const [asked, answered] = [column(requestedAt), column(answeredAt)]
    const [from, to] = source === "ran" ? [column(ran.from), column(ran.to)] : [answered, answered]
    return [
      String(index + 1).padStart(2),
      paint(instanceName(instance)),
      " ".repeat(asked) +
        colors.dim("·".repeat(Math.max(0, from - asked))) +
        paint("█".repeat(to - from)) +
        colors.dim("·".repeat(Math.max(0, answered - to))) +
        " ".repeat(columns - answered),
      `${String(answeredAt - requestedAt).padStart(5)} ms ${source}`,
    ].join(" ")
  }
  const inOrder = [...answers].sort((a, b) => a.answeredAt - b.answeredAt)
  return inOrder.map(row)
}

/** A, B, C …: short enough to stand in every row. */
function instanceName(instance: number): string {
  return String.fromCharCode("A".charCodeAt(0) + instance)
}
