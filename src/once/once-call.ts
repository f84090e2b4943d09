// One call of `once`: finds a result, waits for one, or runs and settles.
import { retryUntilKnown } from "../redis/retry.js"
import { LockBackendError } from "../errors.js"
import type { Lock } from "../hold/lock.js"
import { RunLock } from "./run-lock.js"
import { untilAborted } from "../time/timers.js"
import { Attempts } from "../acquire/attempts.js"
import { readError } from "./once-errors.js"
import { GIVEN_UP, type OnceRecord } from "./once-record.js"
import { type Finished, type Led, OnceRequests } from "./once-requests.js"
import { type OnceCall, runHeld } from "./once-run.js"
import { waitForRun } from "./once-wait.js"

/** Where a value came from. */
export type OnceSource = "ran" | Finished["source"]

interface Result {
  readonly value: unknown
  readonly source: OnceSource
}

export async function callOnce(call: OnceCall): Promise<Result> {
  const { name, token, database, timeoutMs, emit, open, plan, fingerprint } = call
  const { ttlMs, waitMs, push, signal, fencing, waitUntil } = plan.acquire
  const requests = new OnceRequests(database, { ...plan, name, token, ttlMs, fencing, fingerprint })
  const limits = { ttlMs, waitMs, timeoutMs, signal, maxRequests: Infinity }
  const bounds = { name, token, ...limits, open, waitUntil }
  const attempts = new Attempts(bounds, emit)
  const claim = (since?: number) => attempts.send((ms) => requests.claim(since, ms))
  const giveUp = () => withdraw(requests, timeoutMs)
  // A claim that was given up at its deadline may still be executed, and would hold the name for nobody.
  const noteUnsettled = () => {
    const { unsettled } = attempts
    return () => unsettled.map(({ settled }) => settled.then(giveUp, giveUp))
  }
  const cleanUp = async () => {
    if ((await attempts.tokenToWithdraw()) === undefined) return
    const withdrawUnsettled = noteUnsettled()
    await Promise.all([giveUp(), ...withdrawUnsettled()])
  }
  const waiting = { database, attempts, push, ttlMs, timeoutMs, fingerprint, claim }
  let value: unknown
  const ask = async (): Promise<Led | Finished> => {
    let answer = await claim()
    if (answer.kind === "busy") {
      const first = answer
      attempts.assertMayContinue()
      attempts.emitQueued()
      answer = await attempts.waiting((signal) => waitForRun({ ...waiting, signal }, first))
    }
    if (answer.kind === "told") {
      waitUntil(cleanUp())
      value = await readValue(call, answer.record)
      emit?.({ type: "served", ...attempts.efforts, source: answer.source })
    } else attempts.emitGranted(answer.fencingToken)
    return answer
  }
  let answer: Led | Finished
  try {
    answer = await attempts.track(ask, cleanUp)
  } catch (error) {
    if (!plan.failOpen || !(error instanceof LockBackendError)) throw error
    emit?.({ type: "not-shared", name, reason: "fail-open", error })
    return { value: await call.run(null), source: "ran" }
  }
  if (answer.kind === "told") {
    if (answer.record.kind === "e") throw value as Error
    return { value, source: answer.source }
  }
  const hold = { ...plan.acquire, ...answer, timeoutMs, emit, noteUnsettled, open }
  const lock = new RunLock({ ...hold, store: requests, claim: { name, token, waitUntil } })
  return lead(call, lock, requests, answer.old)
}

/** Frees the name if this call holds it. Never rejects: a hold that it cannot reach ends with its ttl. */
function withdraw(requests: OnceRequests, timeoutMs: number): Promise<unknown> {
  return retryUntilKnown(() => requests.settle(GIVEN_UP, timeoutMs)).catch(() => undefined)
}

/** Runs and settles. An old value is returned at once, and the run continues in the background. */
async function lead(
  call: OnceCall,
  lock: Lock,
  requests: OnceRequests,
  old: OnceRecord | undefined,
): Promise<Result> {
  const { name, emit, plan } = call
  const { signal, waitUntil } = plan.acquire
  const running = runHeld(call, lock, requests, old !== undefined)
  if (old) {
    const refreshed = running.catch((error: unknown) => {
      emit?.({ type: "refresh-failed", name, error })
    })
    waitUntil(refreshed)
    // If the old value cannot be read, wait for the run that replaces it.
    return { value: await readValue(call, old).catch(() => running), source: "stale" }
  }
  try {
    return { value: await untilAborted(running, signal), source: "ran" }
  } catch (error) {
    // The caller has given up. The run cannot be stopped, and no other may begin until it has settled.
    if (signal?.aborted) waitUntil(running.catch(() => undefined))
    throw error
  }
}

/** The value, or the error of the run. @throws `LockBackendError` if the record cannot be read. */
async function readValue({ name, plan }: OnceCall, { kind, text }: OnceRecord): Promise<unknown> {
  try {
    return kind === "e" ? readError(text) : await plan.deserialize(text)
  } catch (error) {
    const cause = new Error("the stored result cannot be read", { cause: error })
    throw new LockBackendError(name, "acquire", cause)
  }
}
