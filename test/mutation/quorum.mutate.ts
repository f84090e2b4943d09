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
  "a majority that cannot be reached is an error with each database's own reason, and no vote stays",
  "an even split settles: one of the two has the lock soon, and then the other",
  "a release of an earlier attempt that arrives late leaves the next one its votes",
  "a vote in vain is taken back when its answer never comes",
  "a vote in vain that is cast late, by a client that cannot be cancelled, is taken back",
  "a process ends by itself, after acquire and release, although a database hangs",
  "a process ends by itself, with a handle that is renewed, although a database hangs",
  "a process ends by itself, after a try in vain, although a database hangs",
  "a process ends by itself, after a request, although a database hangs",
  "it votes again when the longest ttl has passed",
  "a new quorum gives no locks until the quarantine is over, or until it is started",
  "a start that does not reach every database fails, and says which",
  "a token is noted only where the database has our vote still",
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
