// In which order critical sections came, compared with that in which they were asked for.

/** One critical section, in milliseconds of the one clock of this process. */
export interface Section {
  readonly who: number
  readonly askedAt: number
  readonly enteredAt: number
  readonly leftAt: number
}

/**
 * How many entered before somebody who had asked more than `graceMs` earlier. Who asks in the same moment may reach the
 * database in either order.
 *
 * @param sections in the order in which they were entered
 */
export function inversionsOf(sections: readonly Section[], graceMs: number): number {
  // The earliest question of all that were let in later.
  let earliest = Infinity
  let inversions = 0
  for (const { askedAt } of [...sections].reverse()) {
    if (earliest < askedAt - graceMs) inversions++
    earliest = Math.min(earliest, askedAt)
  }
  return inversions
}

/** Jain's index of how often each had its turn in the first half of all turns: 1 if all as often, 1 / n if one alone. */
export function fairnessOf(sections: readonly Section[], contenders: number): number {
  const turns = new Array<number>(contenders).fill(0)
  for (const { who } of sections.slice(0, sections.length / 2)) turns[who] = (turns[who] ?? 0) + 1
  const sum = turns.reduce((total, count) => total + count, 0)
  const squares = turns.reduce((total, count) => total + count * count, 0)
  return (sum * sum) / (contenders * squares)
}
