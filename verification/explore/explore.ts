// Visits every state of a world, breadth first, so that the first schedule that violates an invariant is a shortest one.
import { Numbers, StateTable } from "./state-table.js"
import { type Bounds, type Happening, Violation, type World } from "./world.js"

/** What an exploration found. */
export interface Exploration<H extends Happening> {
  readonly states: number
  readonly transitions: number
  /** The number of schedules from the beginning to an end; Infinity if there is a loop. */
  readonly schedules: number
  /** The most happenings on the shortest way to a state. */
  readonly depth: number
  /** Whether every state within the bounds on faults was visited. */
  readonly isComplete: boolean
  readonly seconds: number
  /** The longest time in which everything ends from some state if nothing more goes wrong. */
  readonly longestEndMs: number
  /** The longest time in which callers then wait for what nobody uses. */
  readonly longestIdleMs: number
  readonly violation?: { readonly message: string; readonly schedule: readonly H[] }
}

/** Called now and then. */
export type OnProgress = (facts: { states: number; depth: number; waiting: number }) => void

const PROGRESS_EVERY = 50_000

export function explore<S, H extends Happening>(
  world: World<S, H>,
  bounds: Bounds,
  onProgress?: OnProgress,
): Exploration<H> {
  return new Explorer(world, bounds, onProgress).run()
}

class Explorer<S, H extends Happening> {
  readonly #world: World<S, H>
  readonly #bounds: Bounds
  readonly #onProgress: OnProgress | undefined
  readonly #table = new StateTable()
  /** The states in which each one can result, one after the other, and where those of each begin. */
  readonly #edges = new Numbers()
  readonly #edgesFrom = new Numbers()
  /** The state that follows each one if all goes well, plus 1 (0: it is an end), and the time until then. */
  readonly #fairNext = new Numbers()
  readonly #fairMs = new Numbers()
  readonly #fairIdleMs = new Numbers()
  #depth = 0
  #isComplete = true
  #violation: { message: string; schedule: readonly H[] } | undefined
  #longestEndMs = 0
  #longestIdleMs = 0

  constructor(world: World<S, H>, bounds: Bounds, onProgress: OnProgress | undefined) {
    this.#world = world
    this.#bounds = bounds
    this.#onProgress = onProgress
  }

  run(): Exploration<H> {
    const startedAt = performance.now()
    this.#visitAll()
    if (!this.#violation) this.#followFairly()
    return {
      states: this.#table.size,
      transitions: this.#edges.length,
      schedules: this.#violation ? NaN : this.#countSchedules(),
      depth: this.#depth,
      isComplete: this.#isComplete,
      seconds: (performance.now() - startedAt) / 1_000,
      longestEndMs: this.#longestEndMs,
      longestIdleMs: this.#longestIdleMs,
      ...(this.#violation && { violation: this.#violation }),
    }
  }

  #visitAll(): void {
    let first: string
    try {
      first = this.#world.encode(this.#world.initial)
    } catch (error) {
      // On the way to where the exploration begins.
      this.#note(error, [])
      return
    }
    this.#table.add(this.#world.identityOf(first), 0, 0)
    // The states of one depth, and of the next.
    let layer = [first]
    for (let id = 0; layer.length > 0; this.#depth++) {
      const next: string[] = []
      for (const text of layer) {
        if (!this.#visit(id++, text, next)) return
        if (id % PROGRESS_EVERY === 0) {
          const waiting = this.#table.size - id
          this.#onProgress?.({ states: this.#table.size, depth: this.#depth, waiting })
        }
      }
      layer = next
    }
    this.#depth--
  }

  /** Whether to go on. */
  #visit(id: number, text: string, next: string[]): boolean {
    const state = this.#world.decode(text)
    const happenings = this.#world.happenings(state)
    const fair = this.#world.fair(state, happenings)
    // Beyond the bounds nothing more is tried, but each state is still followed to its end.
    const isBeyond = this.#depth >= this.#bounds.depth || this.#table.size >= this.#bounds.states
    if (isBeyond) this.#isComplete = false
    this.#edgesFrom.push(this.#edges.length)
    this.#fairNext.push(0)
    this.#fairMs.push(0)
    this.#fairIdleMs.push(0)
    try {
      if (!fair) this.#world.atEnd(state)
    } catch (error) {
      return this.#note(error, this.#table.pathTo(id))
    }
    for (const [index, happening] of happenings.entries()) {
      if (isBeyond && happening !== fair) continue
      let after: string
      try {
        after = this.#world.encode(this.#world.after(this.#world.decode(text), happening))
      } catch (error) {
        return this.#note(error, [...this.#table.pathTo(id), index])
      }
      const found = this.#table.add(this.#world.identityOf(after), id, index)
      const number = found < 0 ? -found - 1 : found
      if (found < 0) next.push(after)
      this.#edges.push(number)
      if (happening === fair) {
        this.#fairNext.set(id, number + 1)
        this.#fairMs.set(id, happening.ms)
        this.#fairIdleMs.set(id, happening.idleMs)
      }
    }
    return true
  }

  #note(error: unknown, path: readonly number[]): false {
    if (!(error instanceof Violation)) throw error
    const schedule = path.length > 0 ? this.#scheduleOf(path) : []
    this.#violation = { message: error.message, schedule }
    return false
  }

  #scheduleOf(path: readonly number[]): H[] {
    let state = this.#world.initial
    const schedule: H[] = []
    for (const index of path) {
      const happening = this.#world.happenings(state)[index]
      if (!happening) throw new Error("the world does not repeat itself")
      schedule.push(happening)
      if (schedule.length < path.length) state = this.#next(state, happening)
    }
    return schedule
  }

  /** From each state everything must end, within a time, if nothing more goes wrong. */
  #followFairly(): void {
    const { endsWithinMs, idleWithinMs } = this.#world
    const ends = this.#fairTimes(this.#fairMs)
    if (!ends) return
    const idle = this.#fairTimes(this.#fairIdleMs) ?? []
    // Breadth first, so each is one of the shortest schedules.
    this.#longestEndMs = this.#checkTimes(ends, endsWithinMs, "until everything has ended")
    this.#longestIdleMs = this.#checkTimes(
      idle,
      idleWithinMs,
      "in which callers wait for what nobody uses",
    )
  }

  /** For each state, the sum of these times until the end; undefined if there is none. */
  #fairTimes(times: Numbers): Float64Array | undefined {
    const size = this.#table.size
    const known = new Float64Array(size).fill(-1)
    for (let id = 0; id < size; id++) {
      const chain: number[] = []
      const onChain = new Set<number>()
      let at = id
      while (known[at] === -1 && !onChain.has(at)) {
        onChain.add(at)
        chain.push(at)
        const next = this.#fairNext.at(at)
        if (next === 0) known[at] = 0
        else at = next - 1
      }
      if (known[at] === -1) {
        this.#noteEnding(id, "it never ends, although nothing more goes wrong")
        return undefined
      }
      let ms = known[at] ?? 0
      for (const state of chain.reverse()) {
        if (this.#fairNext.at(state) !== 0) ms += times.at(state)
        known[state] = ms
      }
    }
    return known
  }

  /** The longest of the times. */
  #checkTimes(times: ArrayLike<number>, boundMs: number, what: string): number {
    let longest = 0
    for (let id = 0; id < times.length; id++) {
      const ms = times[id] ?? 0
      longest = Math.max(longest, ms)
      if (ms > boundMs && !this.#violation) {
        this.#noteEnding(
          id,
          `${ms} ms pass ${what}, although nothing more goes wrong; at most ${boundMs} ms are allowed`,
        )
      }
    }
    return longest
  }

  /** As it is when it is visited: its parts are in one order. */
  #next(state: S, happening: H): S {
    return this.#world.decode(this.#world.encode(this.#world.after(state, happening)))
  }

  /** Continues the schedule, fairly, so that one can see what happens. */
  #noteEnding(id: number, message: string): void {
    const schedule = this.#scheduleOf(this.#table.pathTo(id))
    let state = this.#world.initial
    for (const happening of schedule) state = this.#next(state, happening)
    for (let steps = 0; steps < 100; steps++) {
      const happening = this.#world.fair(state, this.#world.happenings(state))
      if (!happening) break
      schedule.push(happening)
      state = this.#next(state, happening)
    }
    this.#violation = { message, schedule }
  }

  /** The number of ways from the first state to an end, by adding them up in the order of their dependence. */
  #countSchedules(): number {
    const size = this.#table.size
    const end = (id: number) => (id + 1 < size ? this.#edgesFrom.at(id + 1) : this.#edges.length)
    const arrivals = new Uint32Array(size)
    for (let i = 0; i < this.#edges.length; i++)
      arrivals[this.#edges.at(i)] = (arrivals[this.#edges.at(i)] ?? 0) + 1
    const ways = new Float64Array(size)
    ways[0] = 1
    const ready = [0]
    let done = 0
    let total = 0
    for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
      done++
      const from = this.#edgesFrom.at(id)
      const to = end(id)
      if (from === to) total += ways[id] ?? 0
      for (let i = from; i < to; i++) {
        const next = this.#edges.at(i)
        ways[next] = (ways[next] ?? 0) + (ways[id] ?? 0)
        arrivals[next] = (arrivals[next] ?? 0) - 1
        if (arrivals[next] === 0) ready.push(next)
      }
    }
    return done === size ? total : Infinity
  }
}
