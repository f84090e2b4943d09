// The tests for mutants of the core, beside the unit tests: every promise of a lock, with a database in this process and a
// simulated clock.
import { afterAll, beforeAll, beforeEach, describe, vi } from "vitest"
import { contract } from "../contract/contract.js"
import { openLab } from "../contract/lab.js"
import { watching, watchingClosely } from "../hold/watching.js"
import { querying } from "../modes/querying.js"
import { semaphores } from "../modes/semaphores.js"
import { several } from "../modes/several.js"
import { sharing } from "../modes/sharing.js"
import { stealing } from "../modes/stealing.js"
import { crashing } from "../queue/crashing.js"
import { flushing } from "../queue/flushing.js"
import { givingUp, givingUpByPush } from "../queue/giving-up.js"
import { handingOver, handingOverByPush } from "../queue/handing-over.js"
import { noticedStreams, streams, unpublished } from "../queue/streams.js"
import { strangers } from "../queue/strangers.js"
import { moveClock, virtual } from "../support/virtual-database.js"

/** These tests need a network, or poll by a clock of their own. */
const NOT_HERE = new Set([
  "a waiter gets the lock soon after its release",
  "calls made in one tick take effect in program order, and share a request",
  "a release and the acquire after it in the same tick do not wait for each other",
  "the events of a lock's life come in order, with their facts",
  "an abort during the enqueue leaves no place behind",
  "a lease is extended to the full ttl at once, and a handle without renewal outlives it",
  "a contended critical section costs five requests among 3 waiters",
  "a contended critical section costs five requests among 12 waiters",
  "a long wait costs as many requests as a short one",
  "a waiter still gets the lock if its stream request meets a stream that is never confirmed",
  "a message that a script cannot publish is published by its caller",
  "a hold that is kept ends with that, and neither its ttl nor its release ends it again",
  "a hold that is transferred ends here, and begins where it is adopted",
  "waiters of one manager share a stream, so each needs two requests less",
  "a grant is not missed if another waiter opens their stream while the first request is under way",
  "a waiter enters its critical section without sending anything first",
  "the stream of a waiter is closed after a grant, a timeout and an abort",
  "a waiter that missed a grant in silence does not miss the next one",
  "is notified at once when it was granted without a wait",
  "opens one stream without a wait, checks once, and closes the stream at its end",
  "closes a stream that opens after its end",
  ...[1, 2, 7, 31].map(
    (bytes) => `a stream that arrives in pieces of ${bytes} bytes delivers the same messages`,
  ),
])

beforeAll(moveClock)
beforeEach(({ task, skip }) => {
  skip(NOT_HERE.has(task.name))
})
afterAll(() => vi.useRealTimers())

contract(virtual)
describe("queue and modes", () => {
  const lab = openLab(virtual)
  querying(lab)
  semaphores(lab)
  several(lab)
  sharing(lab)
  stealing(lab)
  crashing(lab)
  flushing(virtual)
  givingUp(lab)
  givingUpByPush(lab)
  handingOver(lab)
  handingOverByPush(lab)
  noticedStreams(lab)
  streams(lab)
  unpublished(lab)
  strangers(lab)
})
describe("a hold that watches", () => {
  watching(virtual)
  watchingClosely(virtual)
})
