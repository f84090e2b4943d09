// What is answered when the lock was not to be had, or was lost.
import type { LockError, LockErrorCode } from "../errors.js"
import type { Problem } from "./problem.js"

/** Whoever asked has gone away. The status is nginx's; nobody reads it. */
export const GONE: Problem = { type: "client-gone", status: 499, title: "Client closed request" }

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
