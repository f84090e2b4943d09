// The page's program: asks for the state again and again, shows it, and ends a hold after a second look.
import type { LockDetails } from "../../lock-details.js"
import type { State } from "../observer.js"
import { element } from "./element.js"
import { EndDialog } from "./end-dialog.js"
import { LockRow } from "./lock-row.js"
import { Server } from "./server.js"

/** Between two attempts to reach a server that is away. */
const RETRY_MS = 2_000
/** Texts that count seconds change this often. */
const TICK_MS = 500

const page = {
  summary: element("summary", HTMLElement),
  cost: element("cost", HTMLElement),
  filter: element("filter", HTMLInputElement),
  previous: element("previous", HTMLButtonElement),
  next: element("next", HTMLButtonElement),
  pages: element("pages", HTMLElement),
  pause: element("pause", HTMLButtonElement),
  problem: element("problem", HTMLElement),
  notice: element("notice", HTMLElement),
  locks: element("locks", HTMLTableSectionElement),
  empty: element("empty", HTMLElement),
}

const server = new Server(takeToken())
const rows = new Map<string, LockRow>()
const dialog = new EndDialog(server, (text) => {
  page.notice.textContent = text
  refresh()
})

let wanted = 0
let isPaused = false
let timer: ReturnType<typeof setTimeout> | undefined
/** Replies to earlier questions are not shown. */
let question = 0

page.filter.addEventListener("input", () => {
  wanted = 0
  refresh()
})
page.previous.addEventListener("click", () => {
  turn(-1)
})
page.next.addEventListener("click", () => {
  turn(1)
})
page.pause.addEventListener("click", () => {
  isPaused = !isPaused
  page.pause.setAttribute("aria-pressed", String(isPaused))
  if (!isPaused) refresh()
})
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh()
})
setInterval(() => {
  if (!isPaused) for (const row of rows.values()) row.tick()
}, TICK_MS)
refresh()

/** The token of the address, which is then removed from it: a screenshot or a copied link should not contain it. */
function takeToken(): string {
  const KEY = "fetchlock-token"
  const given = location.hash.slice(1)
  if (given !== "") {
    sessionStorage.setItem(KEY, given)
    history.replaceState(null, "", location.pathname)
  }
  return sessionStorage.getItem(KEY) ?? ""
}

function turn(by: number): void {
  wanted += by
  refresh()
}

function refresh(): void {
  clearTimeout(timer)
  void ask()
}

async function ask(): Promise<void> {
  const own = ++question
  let nextMs = RETRY_MS
  try {
    const state = await server.state(page.filter.value, wanted)
    if (own !== question) return
    show(state)
    nextMs = state.nextMs
  } catch (error) {
    if (own !== question) return
    tellProblem(error instanceof Error ? error.message : String(error))
  }
  timer = setTimeout(() => {
    // A page that nobody sees costs nothing.
    if (!isPaused && !document.hidden) void ask()
  }, nextMs)
}

function tellProblem(text: string): void {
  // Changing it again and again would have it read out again and again.
  if (page.problem.textContent !== text) page.problem.textContent = text
  page.problem.hidden = text === ""
}

function show(state: State): void {
  tellProblem(state.error ?? "")
  wanted = state.page
  const { known, matching, pages, isScanned, cost } = state
  const scanned = isScanned ? "" : ", and still looking"
  setText(page.summary, `${count(known, "lock")} held${scanned}`)
  setText(page.cost, costText(cost))
  setText(page.pages, `Page ${state.page + 1} of ${pages}`)
  page.previous.disabled = state.page === 0
  page.next.disabled = state.page >= pages - 1
  // Before the first scan has ended, nobody knows.
  page.empty.hidden = matching > 0 || (known === 0 && !isScanned)
  setText(page.empty, known === 0 ? "No lock is held." : "No name matches the filter.")
  showRows(state)
}

function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

function showRows(state: State): void {
  const names = new Set(state.locks.map(({ name }) => name))
  for (const [name, row] of rows) {
    if (names.has(name)) continue
    row.element.remove()
    rows.delete(name)
  }
  let before: Element | null = page.locks.firstElementChild
  for (const lock of state.locks) {
    const row = rows.get(lock.name) ?? createRow(lock)
    row.show(lock, state)
    // Moving an element takes its focus away.
    if (row.element !== before) page.locks.insertBefore(row.element, before)
    else before = row.element.nextElementSibling
  }
}

function createRow({ name }: LockDetails): LockRow {
  const row = new LockRow(name, () => {
    void dialog.open(name)
  })
  rows.set(name, row)
  return row
}

function costText({ lastMinute, limit, total }: State["cost"]): string {
  const perSecond = (lastMinute / 60).toFixed(1)
  const dollars = ((total / 100_000) * 0.2).toFixed(4)
  return `${perSecond} commands/s (at most ${limit}) · ${count(total, "command")} so far, $${dollars}`
}

function count(number: number, what: string): string {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`
}
