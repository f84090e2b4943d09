// What is answered when the lock was not to be had, or was lost.
import { LockBackendError, LockTimeoutError } from "../errors.js"
import type { Problem } from "./problem.js"

/** Statuses by which a database says that it will not do it next time either. */
const FINAL = new Set([400, 401, 403, 404, 405])

/** The hold ended while the handler ran. No `Retry-After`: whether the work was done is unknown. */
export const LOST: Problem = {
  type: "lock-lost",
  status: 500,
  title: "Lock lost",
  detail: "The work may have been done, in whole or in part.",
}

/** Whoever asked has gone away. The status is nginx's; nobody reads it. */
export const GONE: Problem = {
  type: "client-gone",
  status: 499,
  title: "Client closed request",
}

/** The answer to an acquire that failed; undefined for an error that is none of the lock's. */
export function refusalOf(error: unknown): Problem | undefined {
  if (error instanceof LockTimeoutError) {
    return {
      type: "lock-busy",
      status: 423,
      title: "Locked",
      detail: "Somebody else holds the lock.",
      isTemporary: true,
    }
  }
  if (error instanceof LockBackendError) {
    return {
      type: "lock-unavailable",
      status: 503,
      title: "Lock unavailable",
      detail: "The lock's database cannot be reached, or refuses.",
      isTemporary: !FINAL.has(error.status ?? 0),
    }
  }
  return undefined
}
