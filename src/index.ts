// The public names.
export type { Duration } from "./time/duration.js"
export {
  LockBackendError,
  LockClosedError,
  LockError,
  type LockErrorCode,
  LockLostError,
  type LockPhase,
  LockTimeoutError,
  type LossReason,
} from "./errors.js"
export type {
  LeaderEvent,
  LockEvent,
  NotGrantedReason,
  OnceEvent,
  PollingReason,
  ReleaseResult,
} from "./events.js"
export type { FencedLock, Lock } from "./hold/lock.js"
export type { LockGroup } from "./hold/lock-group.js"
export { LockManager } from "./lock-manager.js"
export type { LockStatus } from "./query.js"
export type { LockTransfer } from "./hold/lock-transfer.js"
export type { ReleaseAllResult } from "./hold/hold-monitor.js"
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
export type { RestConfig } from "./redis/fetch-client.js"
export type { Fetch } from "./redis/transport.js"
export type { UpstashRedis } from "./redis/upstash-client.js"
export type { Semaphore, SemaphoreRequestOptions } from "./semaphore.js"
export type { WaitUntil } from "./options.js"
