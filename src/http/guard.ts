// Guards one request: acquires the lock, runs the handler, answers, and releases at the chosen moment.
import { LockBackendError, LockError, LockLostError } from "../errors.js"
import type { Lock } from "../hold/lock.js"
import { whileHeld } from "../hold/while-held.js"
import { LockManager } from "../lock-manager.js"
import type { WaitUntil } from "../options.js"
import { checkName } from "../redis/keys.js"
import { sleep } from "../time/timers.js"
import { safeCallback } from "../values/safe-callback.js"
import { ANSWERS, checkLockName, type ResolvedGuardOptions, managerOf } from "./guard-options.js"
import { holdBody } from "./held-body.js"
import { badRequest, GONE, type Problem, refusalOf } from "./problem.js"
import { readAhead } from "./read-ahead.js"

/** One request, as its framework sees it. */
export interface Exchange<Args extends readonly unknown[]> {
  readonly request: Request
  /** The arguments of the functions among the options. */
  readonly args: Args
  /** The runtime's `waitUntil` for this request, if it has one. */
  readonly waitUntil: WaitUntil | undefined
  /** Runs the handler; without a lock only if `failOpen` allows it. */
  readonly run: (lock: Lock | undefined) => Promise<Response>
  /** Converts a problem to a response. */
  readonly respond: (problem: Problem) => Response
}

/** Answers the request. The hold may outlive the answer. */
export async function guard<Args extends readonly unknown[]>(
  plan: ResolvedGuardOptions<Args>,
  exchange: Exchange<Args>,
): Promise<Response> {
  const { args, request, respond } = exchange
  // Before the functions below, which may also read the body.
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
    // Registered at the start: the release must happen even if the client disconnects.
    safeCallback("waitUntil", waitUntil)(serving.catch(refuse))
  })
}

/** Does not repeat the name: it may be derived from data that the client must not see. */
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

/** Answers a request, or fails it. Only the first call counts. */
interface Reply {
  readonly answer: (response: Response) => void
  readonly refuse: (error: unknown) => void
}

/** Resolves when the hold is over. */
async function serve<Args extends readonly unknown[]>(
  plan: ResolvedGuardOptions<Args>,
  exchange: Exchange<Args>,
  { locks, name, waitUntil }: Need,
  { answer, refuse }: Reply,
): Promise<void> {
  const { signal, method } = exchange.request
  const { emit } = LockManager.settingsOf(locks)
  const { hold } = plan
  let lock: Lock
  try {
    const options = { ...hold, signal, waitUntil }
    lock = await (plan.preempts
      ? LockManager.steal(locks, name, options)
      : locks.acquire(name, options))
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
    // Lets the response leave first, since sending the release also takes a moment.
    await sleep(0)
  }
  const handle = async () => {
    const response = await exchange.run(lock).catch(async (error: unknown) => {
      if (!lock.signal.aborted) await early(refuse, error)
      throw error
    })
    // Too late: the lock is lost, so this response is not sent.
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

/** Not temporary: a retry would take the lock from the newer request. */
const PREEMPTED: Problem = {
  type: "lock-preempted",
  status: 409,
  title: "Preempted",
  detail: "A newer request has taken the lock. The work may have been done.",
}

/** @throws the error, if it is not a `LockError`. */
async function answerTo<Args extends readonly unknown[]>(
  error: unknown,
  plan: ResolvedGuardOptions<Args>,
  { args, respond }: Exchange<Args>,
): Promise<Response> {
  if (!(error instanceof LockError)) throw error
  if (error.code === "closed") return respond(refusalOf(error))
  const own = plan[ANSWERS[error.code]] as
    ((error: LockError, ...args: Args) => Response | Promise<Response>) | undefined
  if (own) return own(error, ...args)
  const isPreempted = plan.preempts && error instanceof LockLostError && error.reason === "stolen"
  return respond(isPreempted ? PREEMPTED : refusalOf(error))
}
