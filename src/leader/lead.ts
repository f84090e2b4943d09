// Stands for election until elected, runs the leader's work, and resigns so that the next candidate leads at once.
import { LockBackendError, LockClosedError } from "../errors.js"
import type { Emit } from "../events.js"
import type { Lock } from "../hold/lock.js"
import { LockManager } from "../lock-manager.js"
import { anySignal, sleep } from "../time/timers.js"
import { backgroundTimer } from "../time/validity.js"
import { invalid } from "../values/invalid-argument.js"
import { type LeadOptions, type LeadPlan, planLead } from "./lead-options.js"

/** The leader's work. The signal aborts when the hold is lost and when `lead` is to resign. */
type Run<T> = (lock: Lock, signal: AbortSignal) => T | Promise<T>

/** The first pause after a failure; each further one is twice as long. */
const SHORTEST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000

/** A candidacy, whose signal also aborts when the manager is closed. */
interface Candidacy extends LeadPlan {
  readonly signal: AbortSignal
}

/** How a term ended. */
type Term<T> =
  | { readonly end: "returned"; readonly value: T }
  | { readonly end: "failed" }
  /** The hold was lost, or `lead` resigned. */
  | { readonly end: "over" }

/**
 * Leads as one of many candidates: waits for the lock, runs `run` while it holds it, and stands again when the hold is lost.
 *
 * If `run` throws, the lock is released, and after a pause (one second, then twice as long each time up to a minute) it
 * stands again; an event, `leader-failed`, has the error. A database that cannot be reached is retried the same way.
 *
 * `run` must stop when its signal aborts: nothing can stop it from outside. Until it has settled, this candidate neither
 * releases nor stands again, so it never runs twice here; the event `leader-overdue` tells of one that continues.
 *
 * > [!WARNING]
 * > A process that stalls may believe that it leads after its hold has expired. Use `fencing` for resources that can
 * > refuse late writes, and pass the signal on to everything that `run` does.
 *
 * @param locks the manager whose database, prefix and defaults are used
 * @param name the name of the lock that the leader holds
 * @param run the leader's work. `signal` aborts when the hold is lost or `options.signal` aborts
 * @returns what `run` returned, or undefined after `options.signal` has aborted or `locks.releaseAll()` was called
 * @throws `TypeError` or `RangeError` for a bad argument; `LockClosedError` if `locks.releaseAll()` was called before;
 *   `LockBackendError` is not thrown but retried.
 *
 * @example
 * ```ts
 * import { lead } from "fetchlock/leader"
 *
 * const stop = new AbortController()
 * process.once("SIGTERM", () => stop.abort())
 * await lead(locks, "poller", async (lock, signal) => {
 *   while (!signal.aborted) await pollOnce(signal)
 * }, { signal: stop.signal })
 * ```
 */
export async function lead<T>(
  locks: LockManager,
  name: string,
  run: Run<T>,
  options?: LeadOptions,
): Promise<T | undefined> {
  if (!((locks as unknown) instanceof LockManager)) throw invalid("locks", "a LockManager", locks)
  if (typeof (run as unknown) !== "function") throw invalid("run", "a function", run)
  const { defaults, emit, open } = LockManager.settingsOf(locks)
  const given = planLead(defaults, options)
  // It resigns when its manager is closed, too.
  const resigning = anySignal([given.signal])
  const call = Object.assign(resigning, {
    revoke: () => {
      resigning.abort(new LockClosedError(name))
      return Promise.resolve()
    },
  })
  const forget = open.add(call, name)
  try {
    return await serveTerms(locks, name, run, { ...given, signal: call.signal }, emit)
  } finally {
    forget()
    call.stop()
  }
}

async function serveTerms<T>(
  locks: LockManager,
  name: string,
  run: Run<T>,
  plan: Candidacy,
  emit: Emit | undefined,
): Promise<T | undefined> {
  const { signal } = plan
  for (let failures = 0; !signal.aborted;) {
    const lock = await elected(locks, name, plan)
    if (lock) {
      const electedAt = performance.now()
      const term = await serveTerm(lock, run, plan, emit)
      const lastedMs = performance.now() - electedAt
      if (term.end === "returned" && !plan.standsAgain) return term.value
      if (term.end !== "failed" || lastedMs > LONGEST_PAUSE_MS) failures = 0
      // Only a term that ends at once, by itself, needs a pause: without one, it would begin in a hot loop.
      if (term.end === "over") continue
      if (term.end === "returned" && lastedMs > SHORTEST_PAUSE_MS) continue
    }
    await pause(failures++, signal)
  }
  return undefined
}

/** The lock, or undefined where the database failed or the candidate gave up. */
async function elected(
  locks: LockManager,
  name: string,
  { acquire, signal }: Candidacy,
): Promise<Lock | undefined> {
  try {
    return await locks.acquire(name, { ...acquire, signal })
  } catch (error) {
    if (signal.aborted || error instanceof LockBackendError) return undefined
    throw error
  }
}

/** Runs the work, and releases the lock when it has settled and not before. */
async function serveTerm<T>(
  lock: Lock,
  run: Run<T>,
  { signal: resignation, ttlMs }: Candidacy,
  emit: Emit | undefined,
): Promise<Term<T>> {
  const { name } = lock
  const { signal, stop } = anySignal([lock.signal, resignation])
  let timer: ReturnType<typeof setTimeout> | undefined
  signal.addEventListener("abort", () => {
    timer = backgroundTimer(() => emit?.({ type: "leader-overdue", name, afterMs: ttlMs }), ttlMs)
  })
  try {
    const value = await run(lock, signal)
    return { end: signal.aborted || lock.signal.aborted ? "over" : "returned", value }
  } catch (error) {
    // It was told to stop, and stopped: with the reason itself, or with an error of its own, as Node's timers do.
    const isStop = error === signal.reason || (error as Error | undefined)?.name === "AbortError"
    if (!signal.aborted || !isStop) emit?.({ type: "leader-failed", name, error })
    return { end: signal.aborted ? "over" : "failed" }
  } finally {
    // From now on the signal cannot abort.
    stop()
    clearTimeout(timer)
    await lock[Symbol.asyncDispose]()
  }
}

/** A resignation ends it. */
async function pause(failures: number, resignation: AbortSignal): Promise<void> {
  const longest = Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** failures)
  // Half of it at random, so that candidates which failed together do not come back together.
  await sleep(longest * (1 + Math.random()) * 0.5, resignation).catch(() => undefined)
}
