// One lock as a row of the table: its holders, its queue, and its timeline.
import { durationText } from "../../columns.js"
import type { HolderDetails, WaiterDetails } from "../../lock-details.js"
import { printable } from "../../printable.js"
import type { ShownLock, State } from "../observer.js"
import { part, textElement } from "./element.js"
import { colorOf, drawTimeline } from "./timeline.js"

/** Waiters that are visible without a click. */
const FIRST_WAITERS = 3
/** In characters. */
const LONGEST_NAME = 200

export class LockRow {
  readonly element: HTMLTableRowElement
  readonly #holders: HTMLElement
  readonly #facts: HTMLElement
  readonly #count: HTMLElement
  readonly #first: HTMLElement
  readonly #others: HTMLDetailsElement
  readonly #lane: SVGSVGElement
  readonly #end: HTMLButtonElement
  #lock: ShownLock | undefined
  /** This page's clock when the lock was read. */
  #readAtMs = 0

  constructor(name: string, onEnd: () => void) {
    const template = part(document, "#row", HTMLTemplateElement)
    const content = template.content.cloneNode(true) as DocumentFragment
    this.element = part(content, "tr", HTMLTableRowElement)
    const own = <T extends Element>(selector: string, kind: new () => T) =>
      part(this.element, selector, kind)
    own(".name", HTMLElement).textContent = short(printable(name))
    this.#facts = own(".facts", HTMLElement)
    this.#holders = own(".holders", HTMLElement)
    this.#count = own(".count", HTMLElement)
    this.#first = own(".first", HTMLElement)
    this.#others = own("details", HTMLDetailsElement)
    this.#lane = own("svg", SVGSVGElement)
    this.#end = own(".end", HTMLButtonElement)
    this.#end.setAttribute("aria-label", `End the hold of ${printable(name)}…`)
    this.#end.addEventListener("click", onEnd)
  }

  show(lock: ShownLock, { nowMs, readAtMs }: State): void {
    this.#lock = lock
    this.#readAtMs = performance.now() - (nowMs - readAtMs)
    const { holders, fencingToken } = lock
    const modes = holders.some(({ mode }) => mode === "shared") ? "shared" : "exclusive"
    const token = fencingToken === null ? "" : ` · fencing token ${fencingToken}`
    setText(this.#facts, holders.length === 0 ? "free" : `${modes}${token}`)
    this.#holders.replaceChildren(...holders.map(holderElement))
    this.#end.disabled = holders.length === 0
    this.#showQueue(lock.waiters)
    drawTimeline(this.#lane, lock.history, nowMs)
    this.tick()
  }

  /** Lets the texts that count seconds go on between two replies. */
  tick(): void {
    if (!this.#lock) return
    const passedMs = performance.now() - this.#readAtMs
    const { holders, waiters } = this.#lock
    const times = this.element.querySelectorAll("time")
    for (const [at, time] of times.entries()) {
      const holder = holders[at]
      const waiter = waiters[at - holders.length]
      if (holder) setText(time, leftText(holder, passedMs))
      else if (waiter) setText(time, durationText(waiter.waitedMs + passedMs))
    }
  }

  #showQueue(waiters: readonly WaiterDetails[]): void {
    const count = waiters.length
    setText(this.#count, count === 0 ? "–" : `${count}${count >= 100 ? "+" : ""} waiting`)
    this.#count.className = count === 0 ? "count free" : "count waits"
    this.#first.replaceChildren(...waiters.slice(0, FIRST_WAITERS).map(waiterElement))
    const others = waiters.slice(FIRST_WAITERS)
    this.#others.hidden = others.length === 0
    part(this.#others, "summary", HTMLElement).textContent = `${others.length} more`
    const list = part(this.#others, "ol", HTMLOListElement)
    list.start = FIRST_WAITERS + 1
    list.replaceChildren(...others.map(waiterElement))
  }
}

/** A name has up to 32 KB. */
function short(name: string): string {
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name
}

function holderElement(lock: HolderDetails): HTMLElement {
  const { clientId, reason } = lock
  const holder = document.createElement("div")
  const name = clientId === "" ? "another program" : printable(clientId)
  const facts = document.createElement("small")
  facts.append(textElement("time", leftText(lock, 0)))
  if (reason !== undefined) facts.append(` · ${printable(reason)}`)
  holder.append(
    textElement("span", "", `dot c${colorOf(clientId)}`),
    textElement("bdi", name),
    facts,
  )
  return holder
}

function leftText({ remainingMs }: HolderDetails, passedMs: number): string {
  if (remainingMs === null) return "no time limit"
  return `${durationText(Math.max(0, remainingMs - passedMs))} left`
}

function waiterElement({ clientId, reason, mode, waitedMs }: WaiterDetails): HTMLElement {
  const waiter = textElement("li", `${printable(clientId)}, `)
  waiter.append(textElement("time", durationText(waitedMs)))
  if (mode === "shared") waiter.append(", shared")
  if (reason !== undefined) waiter.append(`: ${printable(reason)}`)
  return waiter
}

/** Leaves an unchanged text alone, so that a selection in it stays. */
function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}
