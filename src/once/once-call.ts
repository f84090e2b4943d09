// One call of `once`: finds a result, waits for one, or runs and settles.
import { retryUntilKnown } from "../redis/retry.js"
import { LockBackendError } from "../errors.js"
import type { Lock } from "../hold/lock.js"
import { RunLock } from "./run-lock.js"
import { untilAborted } from "../time/timers.js"
import { Attempts } from "../acquire/attempts.js"
import { readError } from "./once-errors.js"
import { GIVEN_UP, type OnceRecord } from "./once-record.js"
import { type Led, OnceRequests, type Running, type Told } from "./once-requests.js"
import { type OnceCall, runHeld } from "./once-run.js"
import { waitForRun } from "./once-wait.js"

/** Where a value came from. */
export type OnceSource = "ran" | Told["source"]

interface Result {
  readonly value: unknown
  readonly source: OnceSource
}

export async function callOnce(call: OnceCall): Promise<Result> {
  const { name, token, database, timeoutMs, emit, plan, fingerprint } = call
  const { ttlMs, waitMs, push, signal, fencing, waitUntil } = plan.acquire
  signal?.throwIfAborted()
  const requests = new OnceRequests(database, { ...plan, name, token, ttlMs, fencing, fingerprint })
  const inquiry = new Attempts({
    name,
    token,
    ttlMs,
    waitMs,
    timeoutMs,
    signal,
    maxRequests: Infinity,
  })
  const claim = (since?: number) => inquiry.send((ms) => requests.claim(since, ms))
  const giveUp = () => withdraw(requests, timeoutMs)
  // What was given up at a deadline may yet be executed, and lead for nobody.
  const withdrawUnsettled = () => inquiry.unsettled.map((request) => request.then(giveUp, giveUp))
  const cleanUp = async () => {
    if ((await inquiry.tokenToWithdraw()) === undefined) return
    await Promise.all([giveUp(), ...withdrawUnsettled()])
  }
  let answer: Led | Running | Told
  try {
    answer = await claim()
    if (answer.kind === "busy") {
      inquiry.assertMayContinue()
      emit?.({ type: "queued", name, place: undefined })
      const waiting = { database, inquiry, push, ttlMs, timeoutMs, signal, fingerprint, claim }
      answer = await waitForRun(waiting, answer)
    }
    if (answer.kind === "told") {
      waitUntil(cleanUp())
      return { value: await valueOf(call, answer.record), source: answer.source }
    }
  } catch (error) {
    // Not awaited: the caller is told now, and what the clean-up cannot reach ends with its ttl.
    waitUntil(cleanUp())
    if (!plan.failOpen || !(error instanceof LockBackendError)) throw error
    emit?.({ type: "not-shared", name, reason: "fail-open", error })
    return { value: await call.run(null), source: "ran" }
  }
  const { waitedMs, requests: sent } = inquiry
  emit?.({ type: "granted", name, waitedMs, requests: sent, fencingToken: answer.fencingToken })
  const hold = { ...plan.acquire, ...answer, timeoutMs, emit, withdrawUnsettled, isAdopted: false }
  const lock = new RunLock({ ...hold, store: requests, claim: { name, token, waitUntil } })
  return lead(call, lock, requests, answer.old)
}

/** Frees the name if the call leads it. Never rejects: whatever this cannot reach ends with its ttl. */
function withdraw(requests: OnceRequests, timeoutMs: number): Promise<unknown> {
  return retryUntilKnown(() => requests.settle(GIVEN_UP, timeoutMs)).catch(() => undefined)
}

/** Runs, and settles whatever comes of it. With an old value it is returned at once, and the run goes on behind it. */
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
    // One that cannot be read is about to be replaced.
    return { value: await valueOf(call, old).catch(() => running), source: "stale" }
  }
  try {
    return { value: await untilAborted(running, signal), source: "ran" }
  } catch (error) {
    // The caller has given up; what runs cannot be stopped, and nobody else may run until it has settled.
    if (signal?.aborted) waitUntil(running.catch(() => undefined))
    throw error
  }
}

/** @throws what the run threw; `LockBackendError` for what cannot be read. */
async function valueOf({ name, plan }: OnceCall, { kind, text }: OnceRecord): Promise<unknown> {
  let value: unknown
  try {
    value = kind === "e" ? readError(text) : await plan.deserialize(text)
  } catch (error) {
    const cause = new Error("the stored result cannot be read", { cause: error })
    throw new LockBackendError(name, "acquire", cause)
  }
  if (kind === "e") throw value as Error
  return value
}
