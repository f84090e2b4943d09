// The types: allowed and refused programs. It is compiled and not run.
import { Redis } from "@upstash/redis"
import { Redis as CloudflareRedis } from "@upstash/redis/cloudflare"
import { expectTypeOf } from "vitest"
import {
  type Duration,
  type FencedLock,
  type Lock,
  LockBackendError,
  LockError,
  type LockEvent,
  LockLostError,
  LockManager,
  LockTimeoutError,
  type LockTransfer,
} from "../../src/index.js"
import { quorum } from "../../src/quorum/index.js"

declare const locks: LockManager
const redis = { url: "https://example.upstash.io", token: "t" }

export function managers(): void {
  new LockManager({ redis })
  new LockManager({ redis: new Redis(redis) })
  new LockManager({ redis: new CloudflareRedis(redis) })
  new LockManager({ redis: Redis.fromEnv(), ttl: "30s", wait: Infinity, clientId: "me" })
  new LockManager({ redis, ttl: undefined, onEvent: undefined, fetch: undefined })
  new LockManager({ redis, fetch })
  new LockManager({ redis, fetch: globalThis.fetch, renew: { maxHold: "1h" } })
  const databases = quorum([redis, new Redis(redis), new CloudflareRedis(redis)])
  new LockManager({ redis: databases, ttl: "10s" })
  new LockManager({ redis: quorum([redis], { quarantine: false, voteTimeout: 500 }) })
  expectTypeOf(databases.start()).resolves.toBeVoid()
  // @ts-expect-error -- several databases are a quorum
  new LockManager({ redis: [redis, redis] })
  // @ts-expect-error -- no quorum of quorums
  quorum([databases])
  // @ts-expect-error -- no such option
  quorum([redis], { majority: 2 })
  LockManager.fromEnv()
  LockManager.fromEnv(process.env, { prefix: "app:" })
  // @ts-expect-error -- there is no database
  new LockManager()
  // @ts-expect-error -- there is no database
  new LockManager({})
  // @ts-expect-error -- there is no token
  new LockManager({ redis: { url: "https://example.upstash.io" } })
  // @ts-expect-error -- fromEnv finds the database itself
  LockManager.fromEnv({}, { redis })
  // @ts-expect-error -- no such option
  new LockManager({ redis, timeOut: "5s" })
  // @ts-expect-error -- no such client
  new LockManager({ redis: { get: () => null } })
}

export async function byHand(): Promise<void> {
  expectTypeOf(locks.acquire("a")).resolves.toEqualTypeOf<Lock>()
  expectTypeOf(locks.tryAcquire("a")).resolves.toEqualTypeOf<Lock | null>()

  const lock = await locks.acquire("a", { ttl: "30s", wait: 500, renew: true })
  expectTypeOf(lock).toEqualTypeOf<Lock>()
  expectTypeOf(lock.fencingToken).toEqualTypeOf<number | undefined>()
  expectTypeOf(lock).toHaveProperty("mode").toEqualTypeOf<"exclusive" | "shared">()

  const fenced = await locks.acquire("a", { fencing: true })
  expectTypeOf(fenced).toEqualTypeOf<FencedLock>()
  expectTypeOf(fenced.fencingToken).toEqualTypeOf<number>()
  const perhaps = await locks.tryAcquire("a", { fencing: true })
  expectTypeOf(perhaps).toEqualTypeOf<FencedLock | null>()
  const unfenced = await locks.acquire("a", { fencing: false })
  expectTypeOf(unfenced).toEqualTypeOf<Lock>()

  // @ts-expect-error -- it may be null
  await (await locks.tryAcquire("a")).release()
  // @ts-expect-error -- tryAcquire does not wait
  await locks.tryAcquire("a", { wait: "5s" })
  // @ts-expect-error -- a name is needed
  await locks.acquire()
  // @ts-expect-error -- a name is text
  await locks.acquire(42)
  // @ts-expect-error -- no such unit
  await locks.acquire("a", { ttl: "30 seconds" })
  // @ts-expect-error -- a number without its unit
  await locks.acquire("a", { ttl: "30" })
  // @ts-expect-error -- the controller is not its signal
  await locks.acquire("a", { signal: new AbortController() })
  // @ts-expect-error -- no such option
  await locks.acquire("a", { timeout: "5s" })
  // @ts-expect-error -- only request knows it
  await locks.acquire("a", { ifAvailable: true })
  // @ts-expect-error -- its facts are readonly
  lock.name = "b"
  // @ts-expect-error -- keep needs a duration
  await lock.keep()
}

export async function scopes(): Promise<void> {
  await using lock = await locks.acquire("a")
  await using perhaps = await locks.tryAcquire("a")
  if (perhaps) await perhaps.extend()
  // @ts-expect-error -- its release has to be awaited
  using wrong = await locks.acquire("a")
  expectTypeOf(lock).toEqualTypeOf<Lock>()
  expectTypeOf(wrong).toEqualTypeOf<Lock>()
}

export function standIn(): void {
  // Code that was written for the browser accepts our LockManager as its own.
  const own: Navigator["locks"] = locks
  expectTypeOf(own.request("a", () => 5)).resolves.toEqualTypeOf<number>()
  expectTypeOf(own.query()).resolves.toHaveProperty("held")
}

export async function requests(): Promise<void> {
  const lock = (given: Lock) => given.name
  const text: string = await locks.request("a", lock)
  const number: number = await locks.request("a", () => Promise.resolve(5))
  expectTypeOf(locks.request("a", { ttl: "1m" }, () => undefined)).resolves.toBeUndefined()
  const nested: number = await locks.request("a", (given) =>
    locks.request("b", (other) => given.name.length + other.name.length),
  )
  await locks.request("a", { fencing: true }, (given) => {
    expectTypeOf(given).toEqualTypeOf<FencedLock>()
  })
  await locks.request("a", { ifAvailable: true }, (given) => {
    expectTypeOf(given).toEqualTypeOf<Lock | null>()
  })
  await locks.request("a", { ifAvailable: true, fencing: true }, (given) => {
    expectTypeOf(given).toEqualTypeOf<FencedLock | null>()
  })
  await locks.request("a", { ifAvailable: Boolean(text) }, (given) => {
    expectTypeOf(given).toEqualTypeOf<Lock | null>()
  })
  // @ts-expect-error -- it may be null
  await locks.request("a", { ifAvailable: true }, (given) => given.name)
  // @ts-expect-error -- there is no callback
  await locks.request("a")
  // @ts-expect-error -- there is no callback
  await locks.request("a", { ttl: "1m" })
  // @ts-expect-error -- the options come before it
  await locks.request("a", () => undefined, { ttl: "1m" })
  // @ts-expect-error -- no such mode
  await locks.request("a", { mode: "upgrade" }, () => undefined)
  expectTypeOf([number, nested]).toEqualTypeOf<number[]>()
}

export async function handingOn(lock: Lock, message: string): Promise<void> {
  const transfer: LockTransfer = lock.transfer()
  expectTypeOf(locks.adopt(transfer)).resolves.toEqualTypeOf<Lock>()
  await locks.adopt(transfer, { renew: true, ttl: "1m" })
  await locks.adopt(JSON.parse(message) as LockTransfer)
  // @ts-expect-error -- a transfer is not a string
  await locks.adopt(message)
  // @ts-expect-error -- a lock is not its transfer
  await locks.adopt(lock)
  // @ts-expect-error -- adopt does not wait
  await locks.adopt(transfer, { wait: "5s" })
}

export function outcomes(error: unknown): string {
  if (error instanceof LockTimeoutError) return `${error.code} ${error.waitedMs.toFixed()}`
  if (error instanceof LockLostError) return `${error.code} ${error.reason}`
  if (error instanceof LockBackendError) return `${error.code} ${error.phase}`
  return error instanceof LockError ? error.lockName : ""
}

/** A switch over the codes is complete. */
export function codes(error: LockError): string {
  switch (error.code) {
    case "timeout":
    case "lost":
    case "backend":
    case "closed":
      return error.code
  }
}

/** A switch over the results of a release is complete. */
export async function endings(lock: Lock): Promise<number> {
  switch (await lock.release()) {
    case "released":
      return 0
    case "taken":
      return 1
    case "gone":
      return 2
  }
}

/** An event is narrowed by its type, and none has a token. */
export function events(event: LockEvent): string | number | undefined {
  // @ts-expect-error -- no event has one
  console.log(event.token)
  switch (event.type) {
    case "queued":
      return event.name
    case "polling":
    case "unwatched":
      return event.reason
    case "granted":
      return event.fencingToken
    case "not-granted":
      return event.reason
    case "served":
      return event.source
    case "kept":
    case "transferred":
      return event.heldMs
    case "renewed":
      return event.remainingMs
    case "lost":
      return event.reason
    case "released":
      return event.result
    case "release-failed":
      return event.error.status
    case "late-settled":
      return event.outcome.status
    case "not-shared":
      return event.reason
    case "not-remembered":
    case "refresh-failed":
    case "leader-failed":
      return event.name
    case "leader-overdue":
      return event.afterMs
  }
}

export const durations: readonly Duration[] = [0, 15, Infinity, "1ms", "1.5s", "2m", "3h", "4d"]
// @ts-expect-error -- no unit
export const unitless: Duration = "5"
// @ts-expect-error -- no such unit
export const weeks: Duration = "5w"

/**
 * The type that Next.js 15 requires of `app/orders/[id]/pay/route.ts`, as its generated validator says it. Written down here,
 * and compared once with `next` itself, which would be a heavy dependency for one type.
 */
interface NextRouteHandlers {
  readonly POST?: (
    request: NextRequest,
    context: { params: Promise<{ id: string }> },
  ) => Promise<Response> | Response
}
interface NextRequest extends Request {
  readonly nextUrl: URL
}

expectTypeOf<typeof import("../../examples/vercel/route.js")>().toExtend<NextRouteHandlers>()
