// Compares the order of critical sections with the order in which they were requested.

/** One critical section, in milliseconds of the one clock of this process. */
export interface Section {
  readonly who: number
  readonly askedAt: number
  readonly enteredAt: number
  readonly leftAt: number
}

/**
 * The number of contenders that entered before one that had asked more than `graceMs` earlier. Requests of the same
 * moment may reach the database in either order.
 *
 * @param sections in the order in which they were entered
 */
export function inversionsOf(sections: readonly Section[], graceMs: number): number {
  // The earliest request of all that entered later.
  let earliest = Infinity
  let inversions = 0
  for (const { askedAt } of [...sections].reverse()) {
    if (earliest < askedAt - graceMs) inversions++
    earliest = Math.min(earliest, askedAt)
  }
  return inversions
}

/** Jain's index of the turns of each in the first half of all turns: 1 if all had the same number, 1 / n if one had all. */
export function fairnessOf(sections: readonly Section[], contenders: number): number {
  const turns = new Array<number>(contenders).fill(0)
  for (const { who } of sections.slice(0, sections.length / 2)) turns[who] = (turns[who] ?? 0) + 1
  const sum = turns.reduce((total, count) => total + count, 0)
  const squares = turns.reduce((total, count) => total + count * count, 0)
  return (sum * sum) / (contenders * squares)
}
