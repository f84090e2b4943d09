// A sorted set: members by score, and by bytes if scores are equal.

export interface Member {
  readonly name: string
  readonly score: number
}

export class SortedSet {
  readonly #scores = new Map<string, number>()
  readonly #sorted: Member[] = []

  get size(): number {
    return this.#scores.size
  }

  /** Lowest first. */
  get members(): readonly Member[] {
    return this.#sorted
  }

  scoreOf(name: string): number | undefined {
    return this.#scores.get(name)
  }

  /** The member's rank, lowest first, or -1. */
  rankOf(name: string): number {
    const score = this.#scores.get(name)
    return score === undefined ? -1 : this.#place({ name, score })
  }

  set(name: string, score: number): void {
    this.delete(name)
    const member = { name, score }
    this.#scores.set(name, score)
    this.#sorted.splice(this.#place(member), 0, member)
  }

  delete(name: string): boolean {
    const rank = this.rankOf(name)
    if (rank < 0) return false
    this.#sorted.splice(rank, 1)
    return this.#scores.delete(name)
  }

  /** The index at which the member is, or would be. */
  #place(member: Member): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#sorted[middle]
      if (other && isBefore(other, member)) low = middle + 1
      else high = middle
    }
    return low
  }
}

function isBefore(a: Member, b: Member): boolean {
  return a.score === b.score ? a.name < b.name : a.score < b.score
}
