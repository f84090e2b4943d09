// The public names of the adapter for Hono.
export type { ReleaseTime } from "../guard-options.js"
export { idempotency, type IdempotencyOptions } from "./idempotency.js"
export { lock, type LockOptions } from "./lock-middleware.js"
export { type LockAttempt, lockRoutes, type LockRoutesOptions } from "./lock-routes.js"
