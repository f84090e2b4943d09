// The setbacks of clients, requests, the database and the machine, which may explain that a lock was free.

export type Setback =
  /** A request for the lock was lost, late or garbled: it is retried. */
  | "fault"
  /** A waiter has left: a request removes its place. */
  | "leave"
  /** A call failed with an ambiguous outcome: it may have been granted the lock. */
  | "unknown"
  /** The stream of a waiter has ended: from then on it polls. */
  | "cut"

interface Stretch {
  readonly from: number
  readonly until: number
}

/** Older setbacks no longer explain anything. */
const KEPT_MS = 120_000

export class Setbacks {
  readonly #ofNames = new Map<string, { readonly at: number; readonly what: Setback }[]>()
  readonly #polls = new Map<string, { readonly at: number; readonly ttlMs: number }[]>()
  readonly #restarts: Stretch[] = []
  readonly #lags: { readonly of: number; readonly at: number; readonly ms: number }[] = []
  readonly #pauses = new Map<number, { from: number; until: number }[]>()
  readonly #deaths = new Map<number, number>()

  struck(name: string, at: number, what: Setback): void {
    const known = (this.#ofNames.get(name) ?? []).filter((it) => it.at > at - KEPT_MS)
    known.push({ at, what })
    this.#ofNames.set(name, known)
  }

  /** A caller polls for the lock: a waiter in the queue without a stream, or one that spins. */
  polled(name: string, at: number, ttlMs: number): void {
    const known = (this.#polls.get(name) ?? []).filter((it) => it.at > at - KEPT_MS)
    known.push({ at, ttlMs })
    this.#polls.set(name, known)
  }

  /** The longest ttl of the callers that have polled for it since then; 0 if there are none. */
  polledSince(name: string, at: number): number {
    const polls = (this.#polls.get(name) ?? []).filter((it) => it.at >= at)
    return Math.max(0, ...polls.map(({ ttlMs }) => ttlMs))
  }

  restarted(from: number, until: number): void {
    this.#restarts.push({ from, until })
  }

  /** @param of a client, or -1 for the process of the judges, the proxies and the REST server */
  lagged(of: number, at: number, ms: number): void {
    // The delay of a paused client has another cause.
    const own = ms - this.pausedBetween(of, at - ms, at)
    if (own > 0) this.#lags.push({ of, at, ms: own })
    if (this.#lags.length > 10_000) this.#lags.splice(0, 5_000)
  }

  paused(client: number, at: number): void {
    const pauses = this.#pauses.get(client) ?? []
    pauses.push({ from: at, until: Infinity })
    this.#pauses.set(client, pauses)
  }

  resumed(client: number, at: number): void {
    const pause = this.#pauses.get(client)?.at(-1)
    if (pause) pause.until = at
  }

  killed(client: number, at: number): void {
    this.#deaths.set(client, at)
  }

  /** The setbacks of requests for one lock between two times. */
  of(name: string, from: number, until: number): readonly Setback[] {
    const all = this.#ofNames.get(name) ?? []
    return all.filter(({ at }) => at >= from && at <= until).map(({ what }) => what)
  }

  /** The restarts of the database that were not over before `from`. */
  restartsBetween(from: number, until: number): readonly Stretch[] {
    return this.#restarts.filter((restart) => restart.until >= from && restart.from <= until)
  }

  /** The delay by the machine meanwhile: of the client with the most, plus that of the server, which all clients use. */
  lagBetween(from: number, until: number): number {
    const sums = new Map<number, number>()
    for (const { of, at, ms } of this.#lags) {
      if (at >= from && at <= until + 100) sums.set(of, (sums.get(of) ?? 0) + ms)
    }
    const server = sums.get(-1) ?? 0
    sums.delete(-1)
    return server + Math.max(0, ...sums.values())
  }

  /** For how much of a period the client was paused. */
  pausedBetween(client: number, from: number, until: number): number {
    const alive = this.aliveBetween(client, from, until)
    return alive.reduce((left, [begin, end]) => left - (end - begin), until - from)
  }

  /** The parts of a period in which the client was not paused. */
  aliveBetween(
    client: number,
    from: number,
    until: number,
  ): readonly (readonly [number, number])[] {
    const parts: (readonly [number, number])[] = []
    let begin = from
    for (const pause of this.#pauses.get(client) ?? []) {
      if (pause.until <= begin || pause.from >= until) continue
      if (pause.from > begin) parts.push([begin, pause.from])
      begin = Math.max(begin, pause.until)
    }
    if (begin < until) parts.push([begin, until])
    return parts
  }

  /** Whether the client was killed or paused within that time, so that its clean-up may be missing. */
  diedSoonAfter(client: number, at: number, withinMs: number): boolean {
    const isSoon = (death: number) => death >= at - 1 && death <= at + withinMs
    const pauses = this.#pauses.get(client) ?? []
    return isSoon(this.#deaths.get(client) ?? -Infinity) || pauses.some(({ from }) => isSoon(from))
  }
}
