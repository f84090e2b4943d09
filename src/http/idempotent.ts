// Handles a request once for each key, and repeats its response.
import { LockError, LockTimeoutError } from "../errors.js"
import { LockManager } from "../lock-manager.js"
import { once } from "../once/once.js"
import { bytesOf, checkText } from "../once/once-record.js"
import { OnceAttemptsError, OnceMismatchError, OnceRunError } from "../once/once-errors.js"
import type { WaitUntil } from "../options.js"
import { show } from "../values/invalid-argument.js"
import { safeCallback } from "../values/safe-callback.js"
import { managerOf } from "./guard-options.js"
import { readIdempotencyKey } from "./idempotency-key.js"
import type { ResolvedIdempotencyOptions } from "./idempotency-options.js"
import { type Problem, refusalOf } from "./problem.js"
import { readAhead } from "./read-ahead.js"
import { repeatResponse, type StoredResponse, storeResponse } from "./stored-response.js"

/** One request, as its framework sees it. */
export interface IdempotentExchange<Args extends readonly unknown[]> {
  readonly request: Request
  /** The arguments of the functions among the options. */
  readonly args: Args
  /** The runtime's `waitUntil` for this request, if it has one. */
  readonly waitUntil: WaitUntil | undefined
  /** The request's body, which stays readable for the handler. */
  readonly readBody: () => Promise<ArrayBuffer>
  /** Runs the handler. */
  readonly run: () => Promise<Response>
  /** Converts a problem to a response. */
  readonly respond: (problem: Problem) => Response
}

/** The result of a run. */
interface Outcome {
  /** Undefined if the response cannot be stored. */
  stored: StoredResponse | undefined
  /** The original response, if this request ran the handler. */
  readonly response?: Response
}

/** Answers the request. The response may be stored after it has been sent. */
export async function idempotent<Args extends readonly unknown[]>(
  plan: ResolvedIdempotencyOptions<Args>,
  exchange: IdempotentExchange<Args>,
): Promise<Response> {
  const { args, request, respond } = exchange
  const key = readIdempotencyKey(request.headers)
  if (key === undefined) return plan.required ? respond(MISSING) : exchange.run()
  if (key === null) return respond(INVALID)
  // Before the functions below, which may also read the body.
  const problem = plan.body && (await readAhead(request, plan.body))
  if (problem) return respond(problem)
  const locks = managerOf(typeof plan.locks === "function" ? plan.locks(...args) : plan.locks)
  // Escaped, so that keys of different scopes cannot collide.
  const scope =
    plan.scope === "none" ? "" : encodeURIComponent(checkScope(await plan.scope(...args)))
  const name = `idempotency:${scope}:${key}`
  const fingerprint = await (plan.fingerprint?.(...args) ?? digestOf(exchange))
  const waitUntil = exchange.waitUntil ?? LockManager.settingsOf(locks).defaults.waitUntil
  return new Promise((answer, refuse) => {
    const serving = serve(plan, exchange, { locks, name, fingerprint, waitUntil }, answer)
    // Registered at the start: the response must be stored even if the client disconnects.
    safeCallback("waitUntil", waitUntil)(serving.catch(refuse))
  })
}

interface Need {
  readonly locks: LockManager
  readonly name: string
  readonly fingerprint: string
  readonly waitUntil: WaitUntil | undefined
}

async function serve<Args extends readonly unknown[]>(
  plan: ResolvedIdempotencyOptions<Args>,
  { run, respond }: IdempotentExchange<Args>,
  { locks, name, fingerprint, waitUntil }: Need,
  answer: (response: Response) => void,
): Promise<void> {
  const { remember, keep, wait, ttl, maxBytes, failOpen, onCrash, onTooLarge } = plan
  const { encrypt = asItIs, decrypt = asItIs } = plan
  const { emit } = LockManager.settingsOf(locks)
  const handle = async (): Promise<Outcome> => {
    const response = await run()
    if (plan.answer === "before-store") {
      const storing = storeResponse(response, maxBytes)
      answer(response)
      return { stored: await storing, response }
    }
    return { stored: await storeResponse(response, maxBytes), response }
  }
  const isKept = ({ stored, response }: Outcome) =>
    response && keep(response) && (onTooLarge !== "retry" || stored)
  // Room for base64, for the headers, and for an encryption in hexadecimal.
  const longest = 4 * maxBytes + 100_000
  /** Empty for a response that cannot be stored: a repeat must not be handled again because of that. */
  const serialize = async (outcome: Outcome) => {
    try {
      if (!outcome.stored) return ""
      const text = checkText("encrypt", await encrypt(JSON.stringify(outcome.stored)))
      if (bytesOf(text) <= longest) return text
      throw new RangeError(`maxBytes: too small for what encrypt returned, got ${maxBytes}`)
    } catch (error) {
      emit?.({ type: "not-shared", name, reason: "not-serializable", error })
    }
    outcome.stored = undefined
    return ""
  }
  try {
    const { value, source } = await once.detailed(
      locks,
      name,
      {
        remember: (outcome) => (isKept(outcome) ? remember : 0),
        maxBytes: longest,
        serialize,
        deserialize: async (text): Promise<Outcome> => ({
          stored: text === "" ? undefined : (JSON.parse(await decrypt(text)) as StoredResponse),
        }),
        ...(onCrash === "fail" && { attempts: 1, rememberCrashes: remember }),
        ...{ fingerprint, wait, ttl, failOpen, waitUntil },
      },
      handle,
    )
    if (source === "ran" && value.response) answer(value.response)
    else answer(value.stored ? repeatResponse(value.stored) : respond(UNAVAILABLE))
  } catch (error) {
    const problem = problemOf(error)
    if (!problem) throw error
    answer(respond(problem))
  }
}

function problemOf(error: unknown): Problem | undefined {
  if (error instanceof LockTimeoutError) return BUSY
  if (error instanceof OnceMismatchError) return MISMATCH
  if (error instanceof OnceAttemptsError) return UNKNOWN
  if (error instanceof OnceRunError) return FAILED
  return error instanceof LockError ? refusalOf(error) : undefined
}

function asItIs(text: string): string {
  return text
}

function checkScope(scope: unknown): string {
  if (typeof scope === "string" && scope !== "" && !/\p{Surrogate}/u.test(scope)) return scope
  throw new TypeError(`scope: must be a non-empty string of whole characters, got ${show(scope)}`)
}

/** The default fingerprint: method, path with query, and the digest of the body. */
async function digestOf({
  request,
  readBody,
}: Pick<IdempotentExchange<readonly unknown[]>, "request" | "readBody">): Promise<string> {
  const { pathname, search } = new URL(request.url)
  const digest = await crypto.subtle.digest("SHA-256", await readBody())
  return `${request.method} ${pathname}${search} ${new Uint8Array(digest).join(" ")}`
}

const MISSING: Problem = {
  type: "idempotency-key-missing",
  status: 400,
  title: "Idempotency-Key is missing",
}

const INVALID: Problem = {
  type: "idempotency-key-invalid",
  status: 400,
  title: "Idempotency-Key is invalid",
  detail: "The key must be 1 to 255 characters of printable ASCII.",
}

const BUSY: Problem = {
  type: "idempotency-busy",
  status: 409,
  title: "A request with this Idempotency-Key is in progress",
  isTemporary: true,
}

const MISMATCH: Problem = {
  type: "idempotency-mismatch",
  status: 422,
  title: "Idempotency-Key was used for another request",
}

const UNAVAILABLE: Problem = {
  type: "idempotency-unavailable",
  status: 409,
  title: "The response cannot be repeated",
  detail: "The request was handled.",
}

/** Not temporary: the same key gets the same answer. */
const UNKNOWN: Problem = {
  type: "idempotency-unknown",
  status: 500,
  title: "The outcome is unknown",
  detail: "The request was being handled when its process died. The work may have been done.",
}

const FAILED: Problem = {
  type: "idempotency-failed",
  status: 500,
  title: "The request with this Idempotency-Key failed",
  isTemporary: true,
}
