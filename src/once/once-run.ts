// Runs under the hold of a leading call, and settles its result.
import { LockLostError } from "../errors.js"
import type { Emit } from "../events.js"
import type { OpenHolds } from "../hold/hold-monitor.js"
import type { Lock } from "../hold/lock.js"
import { whileHeld } from "../hold/while-held.js"
import { writeError } from "./once-errors.js"
import type { ScriptDatabase } from "../redis/store.js"
import type { ResolvedOnceOptions } from "./once-options.js"
import { bytesOf, checkText, GIVEN_UP, LINGER_MS, type Settlement } from "./once-record.js"
import type { OnceRequests } from "./once-requests.js"

/** The parts of one call. */
export interface OnceCall {
  readonly name: string
  readonly token: string
  readonly database: ScriptDatabase
  readonly timeoutMs: number
  readonly emit: Emit | undefined
  readonly open: Pick<OpenHolds, "add" | "has">
  readonly plan: ResolvedOnceOptions
  /** The digest of the option; "-" for none. */
  readonly fingerprint: string
  readonly run: (lock: Lock | null) => unknown
}

/**
 * Resolves or rejects as the run does, after the result has been settled in the database.
 *
 * @param isRefresh whether an old value is served meanwhile, and stays if the run fails
 * @throws the run's error; `LockLostError` if the hold was lost.
 */
export async function runHeld(
  { name, emit, plan, run }: OnceCall,
  lock: Lock,
  requests: OnceRequests,
  isRefresh: boolean,
): Promise<unknown> {
  const value = await whileHeld(
    lock,
    async () => {
      try {
        const value = await run(lock)
        requests.settlement = await settlementOf(name, value, plan, emit)
        return value
      } catch (error) {
        // A run that was told to stop has not failed.
        const isStopped = lock.signal.aborted || (!isRefresh && plan.acquire.signal?.aborted)
        if (!isStopped) requests.settlement = failureOf(error, plan, isRefresh)
        throw error
      }
    },
    emit,
  )
  const { result } = requests
  if (result === "taken") throw new LockLostError(name, "taken")
  if (result === "gone") throw new LockLostError(name, "expired")
  return value
}

/** The settlement of an error. The error of a refresh does not replace the old value. */
function failureOf(
  error: unknown,
  { rememberErrorsMs }: ResolvedOnceOptions,
  isRefresh: boolean,
): Settlement {
  const keptMs = isRefresh ? 0 : rememberErrorsMs + LINGER_MS
  return { kind: "e", freshMs: rememberErrorsMs, keptMs, text: writeError(error) }
}

/** The settlement of a value. A value that cannot be shared is given up, with an event. */
async function settlementOf(
  name: string,
  value: unknown,
  { serialize, maxBytes, rememberMs, staleMs }: ResolvedOnceOptions,
  emit: Emit | undefined,
): Promise<Settlement> {
  const notShared = (reason: "not-serializable" | "too-large", error: unknown) => {
    emit?.({ type: "not-shared", name, reason, error })
    return GIVEN_UP
  }
  let text: string
  try {
    text = checkText("serialize", await serialize(value))
  } catch (error) {
    return notShared("not-serializable", error)
  }
  const bytes = bytesOf(text)
  if (bytes > maxBytes) {
    return notShared(
      "too-large",
      new RangeError(`maxBytes: must be at least ${bytes}, got ${maxBytes}`),
    )
  }
  let freshMs = 0
  try {
    freshMs = rememberMs(value)
  } catch (error) {
    emit?.({ type: "not-remembered", name, error })
  }
  return { kind: "v", freshMs, keptMs: freshMs + Math.max(LINGER_MS, staleMs), text }
}
