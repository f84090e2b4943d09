// Takes a lock from whoever has it: finds out what stands there, then replaces just that.
import type { Grant, SingleDatabase, TakeRequest } from "../redis/store.js"
import type { Attempts } from "./attempts.js"

/** Asks again whenever somebody else came in between; each time one of those who want the lock has got it. */
export async function steal(
  thief: SingleDatabase,
  request: TakeRequest,
  attempts: Attempts,
): Promise<Grant> {
  for (let found = "", questions = 1; ; questions++) {
    // Two are what it takes; more only where the lock changes hands faster than they travel.
    if (questions > 2) attempts.assertMayGoOn()
    else attempts.assertMayAsk()
    const answer = await attempts.ask((timeoutMs) => thief.steal(request, found, timeoutMs))
    if (answer.kind === "granted") return answer
    found = answer.digest
  }
}
