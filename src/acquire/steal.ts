// Steals a lock: reads a digest of its current value, then replaces exactly that value.
import type { Grant, SingleDatabase, LockRequest } from "../redis/store.js"
import type { Attempts } from "./attempts.js"

/** Starts over whenever the holder changed in between; each time, some other caller has made progress. */
export async function steal(
  database: SingleDatabase,
  request: LockRequest,
  attempts: Attempts,
): Promise<Grant> {
  for (let found = "", requests = 1; ; requests++) {
    // Two suffice unless the lock changes hands faster than a request travels.
    if (requests > 2) attempts.assertMayContinue()
    else attempts.assertRequestsLeft()
    const reply = await attempts.send((timeoutMs) => database.steal(request, found, timeoutMs))
    if (reply.kind === "granted") return reply
    found = reply.digest
  }
}
