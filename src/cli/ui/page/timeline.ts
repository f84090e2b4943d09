// Draws who held a lock, and how many waited, during the last minutes.
import { durationText } from "../../columns.js"
import { printable } from "../../printable.js"
import type { LockHistory, Segment } from "../history.js"

const SVG = "http://www.w3.org/2000/svg"
/** As in history.ts. */
const SPAN_MS = 300_000
const LONGEST_GAP_MS = 30_000
const WIDTH = 300
const COLORS = 8
/** The bar of holders, and the strip of waiters below it. */
const BAR = { y: 3, height: 16 }
const STRIP = { y: 21, height: 8 }
/** A strip of full height. */
const MANY_WAITERS = 8

/** The same color for the same client, wherever it is shown. */
export function colorOf(clientId: string): number {
  let hash = 0
  for (const character of clientId) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0
  return hash % COLORS
}

export function drawTimeline(svg: SVGSVGElement, history: LockHistory, nowMs: number): void {
  const xOf = (ms: number) => Math.max(0, WIDTH - ((nowMs - ms) / SPAN_MS) * WIDTH)
  const parts: SVGElement[] = []
  for (let minute = 1; minute < 5; minute++) {
    const x = String((minute * WIDTH) / 5)
    parts.push(shape("line", { class: "grid", x1: x, x2: x, y1: "0", y2: "30" }))
  }
  const { rows, most } = stack(history.segments)
  const height = BAR.height / most
  for (const [at, { clientId, fromMs, toMs }] of history.segments.entries()) {
    const y = BAR.y + height * (rows[at] ?? 0)
    const bar = box(`c${colorOf(clientId)}`, xOf(fromMs), xOf(toMs), y, height)
    const title = document.createElementNS(SVG, "title")
    const who = clientId === "" ? "another program" : printable(clientId)
    title.textContent = `${who}, at least ${durationText(toMs - fromMs)}`
    bar.append(title)
    parts.push(bar)
  }
  for (const [at, { atMs, waiting }] of history.samples.entries()) {
    if (waiting === 0) continue
    const height = (STRIP.height * Math.min(waiting, MANY_WAITERS)) / MANY_WAITERS
    const nextMs = history.samples[at + 1]?.atMs ?? nowMs
    // Nobody knows what was between two readings that are far apart.
    const until = nextMs - atMs > LONGEST_GAP_MS ? atMs : nextMs
    parts.push(box("waiting", xOf(atMs), xOf(until), STRIP.y + STRIP.height - height, height))
  }
  svg.setAttribute("aria-label", describe(history))
  svg.replaceChildren(...parts)
}

/** The row of each stretch, so that holders of the same time do not hide each other, and the number of rows. */
function stack(segments: readonly Segment[]): { rows: number[]; most: number } {
  const ends: number[] = []
  const rows = segments.map(({ fromMs, toMs }) => {
    const free = ends.findIndex((end) => end < fromMs)
    const row = free < 0 ? ends.length : free
    ends[row] = toMs
    return row
  })
  return { rows, most: Math.max(1, ends.length) }
}

/** What the drawing shows, in words. */
function describe({ segments, samples }: LockHistory): string {
  const clients = new Set(segments.map(({ clientId }) => clientId)).size
  const most = Math.max(0, ...samples.map(({ waiting }) => waiting))
  return `${clients} ${clients === 1 ? "holder" : "holders"} since this page reads it, at most ${most} waiting`
}

function box(kind: string, from: number, to: number, y: number, height: number): SVGElement {
  // A hold that was seen once is a thin line.
  const width = Math.max(1, to - from)
  return shape("rect", {
    class: kind,
    x: from.toFixed(2),
    width: width.toFixed(2),
    y: y.toFixed(2),
    height: height.toFixed(2),
  })
}

function shape(tag: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const created: SVGElement = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) created.setAttribute(name, value)
  return created
}
