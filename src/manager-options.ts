// The options of a manager: its database, its settings, and the defaults of its calls.
import { type Duration, MAX_TIMER_MS, parseDuration } from "./time/duration.js"
import type { Emit, LockEvent } from "./events.js"
import { safeCallback } from "./values/safe-callback.js"
import {
  type AcquireOptions,
  overlay,
  type ResolvedAcquireOptions,
  resolveAcquireOptions,
} from "./options.js"
import type { RestConfig } from "./redis/fetch-client.js"
import type { Fetch } from "./redis/transport.js"
import type { UpstashRedis } from "./redis/upstash-client.js"
import { invalid, show, showKind } from "./values/invalid-argument.js"
import { OpenHolds } from "./hold/hold-monitor.js"
import { openStore } from "./redis/open-store.js"
import type { LockStore, StoreRecipe } from "./redis/store.js"
import { CLIENT_ID } from "./values/token.js"

/** The options of a manager; the options of its calls may be passed here as defaults. */
export interface LockManagerOptions extends AcquireOptions {
  /**
   * The database: its REST url and token for the built-in client, or a client of `@upstash/redis`; or several, as
   * `quorum([…])` of `fetchlock/quorum`.
   */
  readonly redis: RestConfig | UpstashRedis | StoreRecipe
  /**
   * The beginning of each lock's key. The key is `prefix + name` and contains a plain token, as with other Redis locks, so a
   * service in another language can share the lock.
   *
   * It must be empty or end in a delimiter, such as `:`, so that `tenant1` and `0-job` are not the lock of `tenant10` and
   * `-job`. If one prefix begins with another (`a:` and `a:b:`), names must not contain the delimiter.
   *
   * @default "lock:"
   */
  readonly prefix?: string | undefined
  /**
   * Identifies the owner of a lock, as in `query()`: 1 to 64 letters, digits, `-` and `_`. Part of the token, not secret.
   *
   * @default a random id
   */
  readonly clientId?: string | undefined
  /**
   * How long one request may take, and `extend`, `release` and `adopt` as a whole. A shorter timeout notices an unreachable
   * database sooner, but gives up on slow replies that would have come.
   *
   * @default "5s"
   */
  readonly timeout?: Duration | undefined
  /**
   * Used instead of the global `fetch`, only by the built-in client.
   *
   * @default globalThis.fetch
   */
  readonly fetch?: Fetch | undefined
  /**
   * Whether scripts lock only their own keys (`allow-key-locking`); otherwise a script locks the whole database on Upstash.
   * Plain Redis refuses the flag; a refusal is noticed and remembered. You need this only if you reach Upstash through a host
   * name of your own, such as a gateway: then we cannot tell that it is Upstash.
   *
   * @default true for Upstash's hosts and for clients of `@upstash/redis`
   */
  readonly keyLocking?: boolean | undefined
  /**
   * Receives the events of the locks, for logs and metrics. Its errors go to the console and have no other effect.
   *
   * @default none
   */
  readonly onEvent?: ((event: LockEvent) => void) | undefined
}

/** Checked manager options. */
export interface ResolvedManagerOptions {
  readonly store: LockStore
  readonly prefix: string
  readonly clientId: string | undefined
  readonly timeoutMs: number
  /** Undefined without a listener: then no event is created. */
  readonly emit: Emit | undefined
  /** Its open holds and calls. */
  readonly open: OpenHolds
  /** The options for the calls. */
  readonly defaults: AcquireOptions
  /** The same, resolved: for a call without options. */
  readonly resolved: ResolvedAcquireOptions
}

/** @throws `TypeError` or `RangeError` that names the option. */
export function resolveManagerOptions(options: LockManagerOptions): ResolvedManagerOptions {
  const {
    redis,
    prefix = "lock:",
    clientId,
    timeout = "5s",
    fetch,
    keyLocking,
    onEvent,
    ...defaults
  } = overlay({} as LockManagerOptions, options)
  if (typeof prefix !== "string") throw invalid("prefix", "a string", prefix)
  if (/[\p{L}\p{N}]$/u.test(prefix)) {
    throw new TypeError(
      `prefix: must be empty or end in a delimiter, such as ":", got ${show(prefix)}`,
    )
  }
  // A pattern would convert 7 and null to strings.
  const isText = typeof (clientId as unknown) === "string"
  if (clientId !== undefined && !(isText && CLIENT_ID.test(clientId))) {
    // The value is not repeated: it may be a REST token.
    throw new TypeError(
      `clientId: must be 1 to 64 letters, digits, "-" or "_", got ${showKind(clientId)}`,
    )
  }
  if (onEvent !== undefined && typeof onEvent !== "function") {
    throw invalid("onEvent", "a function", onEvent)
  }
  const settings = {
    prefix,
    timeoutMs: parseDuration("timeout", timeout, { min: 1, max: MAX_TIMER_MS }),
  }
  // So that the constructor refuses them, and not the first call.
  const resolved = resolveAcquireOptions(defaults)
  const { ttlMs, waitUntil } = resolved
  const store = openStore({ redis, fetch, keyLocking, clientId, waitUntil, ...settings })
  store.checkTtl?.(ttlMs)
  const emit = onEvent && safeCallback("onEvent", onEvent)
  return { store, ...settings, clientId, emit, open: new OpenHolds(), defaults, resolved }
}
