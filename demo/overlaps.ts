// Finds overlapping holds of one lock, by their times and by their fencing tokens.

/** One critical section: from `enteredAt` up to, but not including, `leftAt`. */
export interface Hold {
  readonly lock: string
  readonly enteredAt: number
  readonly leftAt: number
  readonly fencingToken: number
}

/** Two overlapping holds, in the order in which they began. */
export interface Overlap {
  readonly first: Hold
  readonly second: Hold
  readonly seenIn: "times" | "fencing tokens"
}

/**
 * Every pair of holds of one lock that overlaps, or whose fencing tokens do not rise.
 *
 * @throws `RangeError` for a hold without a duration: it cannot overlap, so it would prove nothing.
 */
export function findOverlaps(holds: readonly Hold[]): Overlap[] {
  for (const { lock, enteredAt, leftAt } of holds) {
    if (!(leftAt > enteredAt)) {
      throw new RangeError(`leftAt of ${lock}: must be later than ${enteredAt}, got ${leftAt}`)
    }
  }
  const inOrder = [...holds].sort((a, b) => a.enteredAt - b.enteredAt)
  return inOrder.flatMap((first, index) =>
    inOrder
      .slice(index + 1)
      .filter((second) => second.lock === first.lock)
      .flatMap((second) => compare(first, second) ?? []),
  )
}

function compare(first: Hold, second: Hold): Overlap | undefined {
  if (second.enteredAt < first.leftAt) return { first, second, seenIn: "times" }
  if (second.fencingToken <= first.fencingToken) return { first, second, seenIn: "fencing tokens" }
  return undefined
}
