// Problem details, the answers of this library's HTTP adapters that are none of the handler's.
import type { LockError, LockErrorCode } from "../errors.js"

/** What a problem says. https://www.rfc-editor.org/rfc/rfc9457#section-3.1 */
export interface Problem {
  /** Tells one kind of problem from another: the end of its `type`. */
  readonly type: ProblemType
  readonly status: 400 | 403 | 404 | 405 | 408 | 409 | 413 | 415 | 422 | 423 | 499 | 500 | 501 | 503
  /** The same for all problems of the type. */
  readonly title: string
  /** What is the matter with this request. */
  readonly detail?: string
  /** Whether it is any use to ask again soon. */
  readonly isTemporary?: boolean
  /** More headers. */
  readonly headers?: Readonly<Record<string, string>>
  /** More members. */
  readonly members?: Readonly<Record<string, unknown>>
}

/** The ends of the types; what stands before them is `urn:fetchlock:problem:`. */
export type ProblemType =
  | "lock-busy"
  | "lock-lost"
  | "lock-unavailable"
  | "lock-not-held"
  | "client-gone"
  | "bad-request"
  | "forbidden"
  | "not-found"
  | "method-not-allowed"
  | "not-supported"
  | "idempotency-key-missing"
  | "idempotency-key-invalid"
  | "idempotency-busy"
  | "idempotency-mismatch"
  | "idempotency-unavailable"
  | "idempotency-unknown"
  | "idempotency-failed"

/**
 * The problem as a response.
 *
 * @param before headers that the response would have had anyway
 */
export function problemResponse(problem: Problem, before?: Headers): Response {
  const { type, status, title, detail, isTemporary, headers: own, members } = problem
  const headers = new Headers(before)
  const set = (name: string, value: string) => {
    headers.set(name, value)
  }
  set("Content-Type", "application/problem+json")
  set("Cache-Control", "no-store")
  // Seconds, at random: those who were refused together do not come back together.
  if (isTemporary) set("Retry-After", String(1 + Math.floor(Math.random() * 5)))
  for (const name in own) set(name, own[name] ?? "")
  const body = { type: `urn:fetchlock:problem:${type}`, title, status, detail, ...members }
  return new Response(JSON.stringify(body), { status, headers })
}

/** Whoever asked has gone away. The status is nginx's; nobody reads it. */
export const GONE: Problem = { type: "client-gone", status: 499, title: "Client closed request" }

/** A request that cannot be meant. */
export function badRequest(
  detail: string,
  status: Problem["status"] = 400,
  title = "Bad request",
): Problem {
  return { type: "bad-request", status, title, detail }
}

const PROBLEMS: Readonly<Record<LockErrorCode, Problem>> = {
  timeout: {
    type: "lock-busy",
    status: 423,
    title: "Locked",
    detail: "Somebody else holds the lock.",
    isTemporary: true,
  },
  // Not temporary: who asks again may have the same work done twice.
  lost: {
    type: "lock-lost",
    status: 500,
    title: "Lock lost",
    detail: "The work may have been done.",
  },
  backend: {
    type: "lock-unavailable",
    status: 503,
    title: "Lock unavailable",
    detail: "The lock's database cannot be reached, or refuses.",
    isTemporary: true,
  },
}

/** The answer to an error of the lock's. */
export function refusalOf(error: LockError & { readonly status?: number | undefined }): Problem {
  const problem = PROBLEMS[error.code]
  // What a database refuses it will refuse the next time, too.
  return error.status && error.status < 429 ? { ...problem, isTemporary: false } : problem
}
