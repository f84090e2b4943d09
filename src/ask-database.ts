// Asks a database until the outcome is known, and says of a failure which lock it was about.
import { type AskOptions, askUntilKnown } from "./ask-until-known.js"
import { LockBackendError, type LockPhase } from "./errors.js"
import { RestError } from "./rest/rest-error.js"

/** @throws `LockBackendError` when the database failed; anything else as it was thrown. */
export async function askDatabase<T>(
  name: string,
  phase: LockPhase,
  question: (leftMs: number) => Promise<T>,
  options: AskOptions,
): Promise<T> {
  try {
    return await askUntilKnown(question, options)
  } catch (error) {
    throw error instanceof RestError ? new LockBackendError(name, phase, error) : error
  }
}
