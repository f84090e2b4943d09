// What every guard does: takes the lock, has the request handled, answers, and releases at the right moment.
import { LockBackendError, LockError } from "../errors.js"
import type { Lock } from "../hold/lock.js"
import { whileHeld } from "../hold/while-held.js"
import { LockManager } from "../lock-manager.js"
import type { WaitUntil } from "../options.js"
import { checkName } from "../redis/keys.js"
import { sleep } from "../time/timers.js"
import { safeCallback } from "../values/safe-callback.js"
import { ANSWERS, checkLockName, type GuardPlan, managerOf } from "./guard-options.js"
import { holdBody } from "./held-body.js"
import { badRequest, GONE, type Problem, refusalOf } from "./problem.js"
import { readAhead } from "./read-ahead.js"

/** One request, as its framework sees it. */
export interface Exchange<Args extends readonly unknown[]> {
  readonly request: Request
  /** What functions among the options are given. */
  readonly args: Args
  /** The runtime's own, where it has one for this request. */
  readonly waitUntil: WaitUntil | undefined
  /** Has the request handled; without a lock only where that is allowed. */
  readonly run: (lock: Lock | undefined) => Promise<Response>
  /** Makes a response of a problem. */
  readonly respond: (problem: Problem) => Response
}

/** Answers the request. The hold may outlast the answer. */
export async function guard<Args extends readonly unknown[]>(
  plan: GuardPlan<Args>,
  exchange: Exchange<Args>,
): Promise<Response> {
  const { args, request, respond } = exchange
  // First: the functions below may read the body, too.
  const problem = plan.body && (await readAhead(request, plan.body))
  if (problem) return respond(problem)
  const locks = managerOf(typeof plan.locks === "function" ? plan.locks(...args) : plan.locks)
  const { prefix, defaults } = LockManager.settingsOf(locks)
  let name = plan.name
  if (typeof name === "function") {
    const derived = await name(...args)
    if (!isLockName(prefix, derived)) return respond(NAMELESS)
    name = derived
  }
  const waitUntil = exchange.waitUntil ?? defaults.waitUntil
  return new Promise((answer, refuse) => {
    const serving = serve(plan, exchange, { locks, name, waitUntil }, { answer, refuse })
    // From the start: a client that goes away must not take the release along.
    safeCallback("waitUntil", waitUntil)(serving.catch(refuse))
  })
}

/** Does not repeat the name: it may be derived from what the client must not see. */
const NAMELESS = badRequest(
  "The name of this request's lock is missing, empty, too long, or not valid Unicode.",
)

function isLockName(prefix: string, name: unknown): name is string {
  try {
    checkName(prefix, checkLockName(name))
    return true
  } catch {
    return false
  }
}

/** The lock that a request needs. */
interface Need {
  readonly locks: LockManager
  readonly name: string
  readonly waitUntil: WaitUntil | undefined
}

/** How a request is answered: once, by whichever comes first. */
interface Reply {
  readonly answer: (response: Response) => void
  readonly refuse: (error: unknown) => void
}

/** Resolves when the hold is over. */
async function serve<Args extends readonly unknown[]>(
  plan: GuardPlan<Args>,
  exchange: Exchange<Args>,
  { locks, name, waitUntil }: Need,
  { answer, refuse }: Reply,
): Promise<void> {
  const { signal, method } = exchange.request
  const { emit } = LockManager.settingsOf(locks)
  const { hold } = plan
  let lock: Lock
  try {
    lock = await locks.acquire(name, { ...hold, signal, waitUntil })
  } catch (error) {
    if (signal.aborted && error === signal.reason) answer(exchange.respond(GONE))
    else if (plan.failOpen && error instanceof LockBackendError)
      answer(await exchange.run(undefined))
    else answer(await answerTo(error, plan, exchange))
    return
  }
  let isAnswered = false as boolean
  const early = async <T>(reply: (value: T) => void, value: T) => {
    if (plan.release === "before-response") return
    isAnswered = true
    reply(value)
    // The response leaves first: to send the release takes a moment, too.
    await sleep(0)
  }
  const handle = async () => {
    const response = await exchange.run(lock).catch(async (error: unknown) => {
      if (!lock.signal.aborted) await early(refuse, error)
      throw error
    })
    // Too late: this response is nobody's.
    if (lock.signal.aborted) return response
    if (plan.release !== "after-body" || method === "HEAD") {
      await early(answer, response)
      return response
    }
    const held = holdBody(response, lock.remainingMs, lock.signal, signal)
    await early(answer, held.response)
    await held.over
    return held.response
  }
  try {
    answer(await whileHeld(lock, handle, emit))
  } catch (error) {
    if (!lock.signal.aborted) throw error
    if (!isAnswered) answer(await answerTo(error, plan, exchange))
  }
}

/** @throws what is no error of the lock's */
async function answerTo<Args extends readonly unknown[]>(
  error: unknown,
  plan: GuardPlan<Args>,
  { args, respond }: Exchange<Args>,
): Promise<Response> {
  if (!(error instanceof LockError)) throw error
  const own = plan[ANSWERS[error.code]] as
    ((error: LockError, ...args: Args) => Response | Promise<Response>) | undefined
  return own ? own(error, ...args) : respond(refusalOf(error))
}
