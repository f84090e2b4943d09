// Problem details: the responses of the HTTP adapters that do not come from the handler.
import type { LockError, LockErrorCode } from "../errors.js"

/** A problem. https://www.rfc-editor.org/rfc/rfc9457#section-3.1 */
export interface Problem {
  /** The kind of problem: the end of its `type`. */
  readonly type: ProblemType
  readonly status: 400 | 403 | 404 | 405 | 408 | 409 | 413 | 415 | 422 | 423 | 499 | 500 | 501 | 503
  /** The same for all problems of the type. */
  readonly title: string
  /** The problem with this request. */
  readonly detail?: string
  /** Whether a retry may soon succeed. */
  readonly isTemporary?: boolean
  /** Additional headers. */
  readonly headers?: Readonly<Record<string, string>>
  /** Additional properties of the body. */
  readonly members?: Readonly<Record<string, unknown>>
}

/** The types, without their prefix `urn:fetchlock:problem:`. */
export type ProblemType =
  | "lock-busy"
  | "lock-lost"
  | "lock-preempted"
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
 * @param before headers that were set before, by middleware
 */
export function problemResponse(problem: Problem, before?: Headers): Response {
  const { type, status, title, detail, isTemporary, headers: own, members } = problem
  const headers = new Headers(before)
  const set = (name: string, value: string) => {
    headers.set(name, value)
  }
  set("Content-Type", "application/problem+json")
  set("Cache-Control", "no-store")
  // Random seconds: clients that were refused together do not retry together.
  if (isTemporary) set("Retry-After", String(1 + Math.floor(Math.random() * 5)))
  for (const name in own) set(name, own[name] ?? "")
  const body = { type: `urn:fetchlock:problem:${type}`, title, status, detail, ...members }
  return new Response(JSON.stringify(body), { status, headers })
}

/** The client has disconnected. The status is that of nginx; no client reads it. */
export const GONE: Problem = { type: "client-gone", status: 499, title: "Client closed request" }

/** The problem of an invalid request. */
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
    detail: "Another caller holds the lock.",
    isTemporary: true,
  },
  // Not temporary: a retry may do the same work twice.
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
    detail: "The lock's database cannot be reached, or refused the request.",
    isTemporary: true,
  },
  // Another instance may serve the retry.
  closed: {
    type: "lock-unavailable",
    status: 503,
    title: "Lock unavailable",
    detail: "This server is shutting down.",
    isTemporary: true,
  },
}

/** The problem for an error of the lock. */
export function refusalOf(error: LockError & { readonly status?: number | undefined }): Problem {
  const problem = PROBLEMS[error.code]
  // A request that the database refused would be refused again.
  return error.status && error.status < 429 ? { ...problem, isTemporary: false } : problem
}
