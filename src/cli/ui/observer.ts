// Reads what the page shows: finds the names of all locks little by little, and reads the locks of the visible page.
import type { LockManager } from "../../lock-manager.js"
import { endHolds, look, MOST_PARTIES, type SeenLock } from "../end-holds.js"
import { detailsOfAll, type LockDetails, scanNames } from "../lock-details.js"
import { Cost } from "./cost.js"
import { History, type LockHistory } from "./history.js"

/** What a page asks for. */
export interface View {
  /** Part of the names to show. */
  readonly filter: string
  /** Counted from 0. */
  readonly page: number
}

export interface ShownLock extends LockDetails {
  readonly history: LockHistory
}

/** What a page gets. */
export interface State {
  /** Epoch milliseconds of this machine. */
  readonly nowMs: number
  /** When the locks were read. */
  readonly readAtMs: number
  readonly locks: readonly ShownLock[]
  readonly page: number
  readonly pages: number
  /** The number of names that match the filter, and of all. */
  readonly matching: number
  readonly known: number
  /** Whether every key of the database was scanned at least once. */
  readonly isScanned: boolean
  readonly cost: { readonly limit: number; readonly lastMinute: number; readonly total: number }
  /** When to ask again. */
  readonly nextMs: number
  readonly error: string | undefined
}

const PAGE_SIZE = 20
const KEYS_A_SCAN = 1_000
/** The locks are read at most this often, and the names are searched again after this time. */
const INTERVAL_MS = 1_000
const RESCAN_MS = 3_000

export class Observer {
  readonly #locks: LockManager
  readonly #cost: Cost
  readonly #history = new History()
  /** Known names, in order, and those that the current scan has found. */
  #names: string[] = []
  #found = new Set<string>()
  #cursor = "0"
  #isScanned = false
  #scannedAtMs = -Infinity
  #isScanning = false
  /** Why the last scan failed, and the last reading: each knows nothing of the other. */
  #scanError: string | undefined
  #readError: string | undefined
  /** The last reading of each view, so that several tabs share one. */
  readonly #readings = new Map<string, { readonly atMs: number; readonly locks: LockDetails[] }>()
  #reading: Promise<void> = Promise.resolve()

  constructor(locks: LockManager, commandsPerSecond: number) {
    this.#locks = locks
    this.#cost = new Cost(commandsPerSecond)
  }

  async state(view: View): Promise<State> {
    // The names of a small database come with the first answer.
    if (this.#names.length === 0) await this.#scan()
    else void this.#scan()
    const { names, page, pages, matching } = this.#select(view)
    const key = JSON.stringify([view.filter, page])
    await this.#read(key, names)
    const { atMs = Date.now(), locks = [] } = this.#readings.get(key) ?? {}
    const { limit, lastMinute, total } = this.#cost
    return {
      nowMs: Date.now(),
      readAtMs: atMs,
      locks: locks.map((lock) => ({ ...lock, history: this.#history.of(lock.name) })),
      page,
      pages,
      matching,
      known: this.#names.length,
      isScanned: this.#isScanned,
      cost: { limit, lastMinute, total },
      nextMs: Math.max(INTERVAL_MS, this.#cost.pauseMs),
      error: this.#scanError ?? this.#readError,
    }
  }

  /** The lock as it is now, whatever that costs. */
  async look(name: string): Promise<SeenLock> {
    const lock = await look(this.#locks, name)
    this.#cost.spend(HOLD_IDS_COST + costOf([lock]))
    return lock
  }

  /** Ends these holds; returns the lock instead if it is held by others by now. */
  async end(name: string, holdIds: readonly string[]): Promise<SeenLock | undefined> {
    const now = await this.look(name)
    const isEnded = await endHolds(this.#locks, { ...now, holdIds })
    this.#cost.spend(END_COST)
    this.#readings.clear()
    return isEnded ? undefined : this.look(name)
  }

  #select({ filter, page: wanted }: View) {
    const needle = filter.toLowerCase()
    const all =
      needle === ""
        ? this.#names
        : this.#names.filter((name) => name.toLowerCase().includes(needle))
    const pages = Math.max(1, Math.ceil(all.length / PAGE_SIZE))
    const page = Math.min(Math.max(0, wanted), pages - 1)
    const names = all.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE)
    return { names, page, pages, matching: all.length }
  }

  /** One at a time, so that two tabs do not spend the same allowance. */
  #read(key: string, names: readonly string[]): Promise<void> {
    return (this.#reading = this.#reading.then(() => this.#readIfDue(key, names)))
  }

  async #readIfDue(key: string, names: readonly string[]): Promise<void> {
    const last = this.#readings.get(key)
    const isOfNames =
      last?.locks.length === names.length && last.locks.every(({ name }, at) => name === names[at])
    const isFresh = isOfNames && Date.now() - last.atMs < INTERVAL_MS * 0.8
    if (names.length > 0 && (isFresh || this.#cost.pauseMs > 0)) return
    await this.#readNow(key, names)
  }

  async #readNow(key: string, names: readonly string[]): Promise<void> {
    try {
      const locks = names.length === 0 ? [] : await detailsOfAll(this.#locks, names, MOST_PARTIES)
      const atMs = Date.now()
      if (names.length > 0) this.#cost.spend(costOf(locks))
      for (const lock of locks) this.#history.record(lock, atMs)
      this.#history.clean(atMs)
      // Views that no page shows any more.
      if (this.#readings.size > 20) this.#readings.clear()
      this.#readings.set(key, { atMs, locks })
      this.#readError = undefined
    } catch (error) {
      this.#readError = error instanceof Error ? error.message : String(error)
    }
  }

  /** One more page of names, if it is time. */
  async #scan(): Promise<void> {
    const isAtStart = this.#cursor === "0"
    const isEarly = isAtStart && Date.now() - this.#scannedAtMs < RESCAN_MS
    if (this.#isScanning || isEarly || this.#cost.pauseMs > 0) return
    this.#isScanning = true
    try {
      do {
        const { next, names } = await scanNames(this.#locks, this.#cursor, KEYS_A_SCAN)
        this.#cost.spend(SCAN_COST)
        for (const name of names) this.#found.add(name)
        this.#cursor = next
        if (next === "0") this.#finishScan()
        else if (!this.#isScanned) this.#names = [...this.#found].sort()
      } while (this.#cursor !== "0" && this.#cost.pauseMs === 0)
      this.#scanError = undefined
    } catch (error) {
      this.#cursor = "0"
      this.#found = new Set()
      this.#scanError = error instanceof Error ? error.message : String(error)
    } finally {
      this.#isScanning = false
    }
  }

  #finishScan(): void {
    this.#names = [...this.#found].sort()
    this.#found = new Set()
    this.#isScanned = true
    this.#scannedAtMs = Date.now()
  }
}

/** SCAN, and the ECHO that proves its reply. */
const SCAN_COST = 2
const HOLD_IDS_COST = 3
/** The ids again, a steal, which of shared holds has two steps, and the release. */
const END_COST = HOLD_IDS_COST + 2 + 8 + 8

/** As docs/scripts.md lists it: the snapshot, and the details. */
function costOf(locks: readonly (LockDetails | undefined)[]): number {
  const perLock = locks.map((lock) => (lock && lock.holders.length > 0 ? 3 : 2))
  return 2 + perLock.reduce((sum, calls) => sum + calls, 0) + 3
}
