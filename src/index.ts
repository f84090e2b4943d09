// The public names.
export type { Duration } from "./duration.js"
export {
  LockBackendError,
  LockError,
  type LockErrorCode,
  LockLostError,
  type LockPhase,
  LockTimeoutError,
  type LossReason,
} from "./errors.js"
export type { LockEvent, OnceEvent } from "./events.js"
export type { FencedLock, Lock } from "./lock.js"
export type { LockGroup } from "./lock-group.js"
export { LockManager } from "./lock-manager.js"
export type { LockStatus } from "./lock-status.js"
export type { LockTransfer } from "./lock-transfer.js"
export type { LockManagerOptions } from "./manager-options.js"
export type {
  AcquireOptions,
  AdoptOptions,
  HoldOptions,
  LockMode,
  RequestOptions,
  SemaphoreOptions,
  TryAcquireOptions,
} from "./options.js"
export type { HeldLockInfo, LockManagerSnapshot, PendingLockInfo, QueryOptions } from "./query.js"
export type { Fetch, RestConfig } from "./rest/fetch-client.js"
export type { UpstashRedis } from "./rest/upstash-redis.js"
export type { Semaphore, SemaphoreRequestOptions } from "./semaphore.js"
export type { ReleaseResult } from "./store/store.js"
export type { WaitUntil } from "./wait-until.js"
