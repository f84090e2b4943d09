// Watches what every holder may believe at each moment, and measures whether two believe it that exclude each other.

/** What a holder believes, by the library's own words. */
export interface Belief {
  readonly isExclusive: boolean
  /** How long the hold can be trusted: `lock.remainingMs`. */
  readonly remainingMs: () => number
  /** Grows from grant to grant, so it tells their order where replies overtake each other. */
  readonly fencingToken?: number | undefined
}

export interface Verdict {
  /** The most holders at one moment that exclude each other; at most 1 if the lock does what it promises. */
  readonly most: number
  /** How long there was more than one, as far as was seen. */
  readonly conflictMs: number
  /** How long holders believed on that the lock was stolen from: documented, and what fencing tokens are for. */
  readonly afterStealMs: number
}

export class Judge {
  readonly #beliefs = new Map<Belief, { isStolen: boolean }>()
  readonly #now: () => number
  /** The fencing token of the last steal. */
  #stolenBy = 0
  #sampledAt: number
  #wasConflict = false
  #wasStolen = false
  #most = 0
  #conflictMs = 0
  #afterStealMs = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#sampledAt = now()
  }

  get verdict(): Verdict {
    const [most, conflictMs, afterStealMs] = [this.#most, this.#conflictMs, this.#afterStealMs]
    return { most, conflictMs, afterStealMs }
  }

  /**
   * A hold begins. Whether another one can still be trusted is judged at this very moment.
   *
   * @param steals whether it takes the lock from its holders, which may believe on until they find out
   * @returns ends it, when its holder has let go of the lock
   */
  begin(belief: Belief, steals = false): () => void {
    this.sample()
    const token = belief.fencingToken ?? Infinity
    if (steals) {
      this.#stolenBy = Math.max(this.#stolenBy, belief.fencingToken ?? 0)
      for (const [other, facts] of this.#beliefs)
        if ((other.fencingToken ?? 0) < token) facts.isStolen = true
    }
    this.#beliefs.set(belief, { isStolen: token < this.#stolenBy })
    this.sample()
    return () => {
      this.sample()
      this.#beliefs.delete(belief)
      this.sample()
    }
  }

  /** Judges the present moment. Called at each change, and often in between. */
  sample(): void {
    const now = this.#now()
    const elapsed = now - this.#sampledAt
    this.#sampledAt = now
    if (this.#wasConflict) this.#conflictMs += elapsed
    if (this.#wasStolen) this.#afterStealMs += elapsed
    let exclusive = 0
    let shared = 0
    let stolen = 0
    for (const [belief, { isStolen }] of this.#beliefs) {
      if (belief.remainingMs() <= 0) continue
      if (isStolen) stolen++
      else if (belief.isExclusive) exclusive++
      else shared++
    }
    // All that share it count as one.
    const parties = exclusive + (shared > 0 ? 1 : 0)
    this.#wasConflict = parties > 1
    this.#wasStolen = stolen > 0
    this.#most = Math.max(this.#most, parties)
  }
}
