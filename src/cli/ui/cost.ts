// Bounds the commands that the page costs, and counts them as Upstash bills them.

/** So that a page that is opened gets its first answers at once. */
const BURST_SECONDS = 5
const MINUTE_MS = 60_000

export class Cost {
  /** The most commands a second, on average. */
  readonly limit: number
  #allowance: number
  #atMs: number
  #total = 0
  readonly #spent: { readonly atMs: number; readonly commands: number }[] = []
  readonly #now: () => number

  constructor(limit: number, now: () => number = () => performance.now()) {
    this.limit = limit
    this.#now = now
    this.#atMs = now()
    this.#allowance = limit * BURST_SECONDS
  }

  /** How long to wait before the next commands, in milliseconds. They may overdraw the allowance, and are paid back later. */
  get pauseMs(): number {
    this.#refill()
    return this.#allowance > 0 ? 0 : Math.ceil((-this.#allowance / this.limit) * 1_000) + 1
  }

  spend(commands: number): void {
    this.#refill()
    this.#allowance -= commands
    this.#total += commands
    this.#spent.push({ atMs: this.#now(), commands })
  }

  /** Since this program was started. */
  get total(): number {
    return this.#total
  }

  get lastMinute(): number {
    const since = this.#now() - MINUTE_MS
    while (this.#spent[0] && this.#spent[0].atMs < since) this.#spent.shift()
    return this.#spent.reduce((sum, { commands }) => sum + commands, 0)
  }

  #refill(): void {
    const now = this.#now()
    const most = this.limit * BURST_SECONDS
    this.#allowance = Math.min(most, this.#allowance + ((now - this.#atMs) / 1_000) * this.limit)
    this.#atMs = now
  }
}
