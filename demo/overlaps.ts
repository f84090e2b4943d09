// Finds holds of one lock that were not one after the other: by their times, and by their fencing tokens.

/** What is known of one critical section. It reaches from `enteredAt` up to, but not including, `leftAt`. */
export interface Hold {
  readonly lock: string
  readonly enteredAt: number
  readonly leftAt: number
  readonly fencingToken: number
}

/** Two holds that did not take turns, in the order in which they began. */
export interface Overlap {
  readonly first: Hold
  readonly second: Hold
  readonly seenIn: "times" | "fencing tokens"
}

/**
 * Every pair of holds of one lock that overlaps, or whose fencing tokens do not rise.
 *
 * @throws `RangeError` for a hold that lasts no time: it overlaps nothing, and so it would prove nothing.
 */
export function findOverlaps(holds: readonly Hold[]): Overlap[] {
  for (const { lock, enteredAt, leftAt } of holds) {
    if (!(leftAt > enteredAt)) {
      throw new RangeError(`a hold of ${lock} ends at ${leftAt} but begins at ${enteredAt}`)
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
