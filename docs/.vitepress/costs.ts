// The sums of the cost calculator. A test compares the numbers with the page.

/** Billed commands on Upstash, and requests. A call that waits has a stream of its own. */
export const BILLED = { cycle: 4, waited: 23, renewal: 3, fencing: 5 }
export const REQUESTS = { cycle: 2, waited: 5, renewal: 1 }
/** A hold is extended at each third of the default ttl. */
const RENEWAL_SECONDS = 10
const FREE_COMMANDS = 500_000
const DOLLARS_PER_COMMAND = 0.2 / 100_000

export interface Usage {
  readonly calls: number
  /** The share of calls that find the lock held and wait, from 0 to 1. */
  readonly waitingShare: number
  readonly heldSeconds: number
  readonly fencing: boolean
}

export interface Month {
  readonly requests: number
  readonly commands: number
  readonly dollars: number
}

export function monthOf({ calls, waitingShare, heldSeconds, fencing }: Usage): Month {
  const renewals = Math.floor(Math.max(0, heldSeconds) / RENEWAL_SECONDS)
  const each = (costs: typeof REQUESTS) =>
    costs.cycle * (1 - waitingShare) + costs.waited * waitingShare + costs.renewal * renewals
  const commands = calls * (each(BILLED) + (fencing ? BILLED.fencing : 0))
  const isFree = commands <= FREE_COMMANDS
  return {
    requests: calls * each(REQUESTS),
    commands,
    dollars: isFree ? 0 : commands * DOLLARS_PER_COMMAND,
  }
}
