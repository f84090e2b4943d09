// The tests for mutants of the quorum, beside the unit tests: databases in this process that fail, and a simulated clock.
import { afterAll, beforeAll, beforeEach, describe, vi } from "vitest"
import { cleaningUp } from "../quorum/cleaning-up.js"
import { failing } from "../quorum/failing.js"
import { fencing } from "../quorum/fencing.js"
import { forgetting } from "../quorum/forgetting.js"
import type { QuorumLab } from "../support/quorum-lab.js"
import { moveClock } from "../support/virtual-database.js"
import { openVirtualQuorumLab } from "../support/virtual-nodes.js"

/** These tests need a network, a process of their own, or a clock of their own. */
const NOT_HERE = new Set([
  "an unreachable majority is an error with each database's own reason, and no vote stays",
  "an even split is settled: one of the two callers gets the lock soon, and then the other",
  "a release of an earlier attempt that arrives late does not remove the votes of the next one",
  "a vote without a grant is withdrawn when its answer never comes",
  "a late vote without a grant is withdrawn, also for a client that cannot be canceled",
  "a process ends by itself, after acquire and release, although a database hangs",
  "a process ends by itself, with a handle that is renewed, although a database hangs",
  "a process ends by itself, after a try in vain, although a database hangs",
  "a process ends by itself, after a request, although a database hangs",
  "a restarted database votes again when the longest ttl has passed",
  "a new quorum grants no locks until the quarantine is over, or until it is started",
  "a start that does not reach every database fails, and names the unreachable ones",
  "a fencing token is noted only by a database that still has our vote",
])

let opened: QuorumLab | undefined
const lab = () => {
  if (!opened) throw new Error("the databases are not open")
  return opened
}

beforeAll(async () => {
  moveClock()
  opened = await openVirtualQuorumLab()
})
beforeEach(async ({ task, skip }) => {
  skip(NOT_HERE.has(task.name))
  await lab().heal()
})
afterAll(() => vi.useRealTimers())

describe("five databases", () => {
  failing(lab)
  cleaningUp(lab)
  forgetting(lab)
  fencing(lab)
})
