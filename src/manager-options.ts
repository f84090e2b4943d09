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
import { openStore } from "./redis/open-store.js"
import type { LockStore, StoreRecipe } from "./redis/store.js"
import { CLIENT_ID } from "./values/token.js"

/** What a manager is made of; the options of the calls may be given here as defaults. */
export interface LockManagerOptions extends AcquireOptions {
  /**
   * The database: its REST url and token for the built-in client, or a client of `@upstash/redis`; or several, as
   * `quorum([…])` of `fetchlock/quorum`.
   */
  readonly redis: RestConfig | UpstashRedis | StoreRecipe
  /**
   * What the key of a lock begins with: the key is `prefix + name`, and holds a plain token as other Redis locks
   * do, so that a service in another language can share the lock.
   *
   * It must be empty or end in a delimiter, such as `:`, so that `tenant1` and `0-job` are not the lock of `tenant10` and
   * `-job`. Where one prefix begins with another (`a:` and `a:b:`), do not let names contain the delimiter.
   *
   * @default "lock:"
   */
  readonly prefix?: string | undefined
  /**
   * Says whose lock it is to those who look: 1 to 64 letters, digits, `-` and `_`. Part of the token, not secret.
   *
   * @default a random one
   */
  readonly clientId?: string | undefined
  /**
   * The longest that one request may take, and that `extend`, `release` and `adopt` may take as a whole. A shorter
   * one notices an unreachable database sooner and gives up on slow answers that would have come.
   *
   * @default "5s"
   */
  readonly timeout?: Duration | undefined
  /**
   * Used instead of the global `fetch`, by the built-in client only.
   *
   * @default globalThis.fetch
   */
  readonly fetch?: Fetch | undefined
  /**
   * Whether scripts ask for locks on their keys alone (`allow-key-locking`), without which a script locks the
   * whole database on Upstash. Plain Redis refuses it; a refusal is noticed and remembered. You need this only if you
   * reach Upstash through a host name of your own, such as a gateway: nothing tells us then that it is Upstash.
   *
   * @default true for Upstash's hosts and for clients of `@upstash/redis`
   */
  readonly keyLocking?: boolean | undefined
  /**
   * Told what happens to the locks, for logs and metrics. What it throws is written to the console and goes no
   * further.
   *
   * @default none
   */
  readonly onEvent?: ((event: LockEvent) => void) | undefined
}

/** What a manager works with. */
export interface ResolvedManagerOptions {
  readonly store: LockStore
  readonly prefix: string
  readonly clientId: string | undefined
  readonly timeoutMs: number
  /** Undefined where nobody listens: then no event is built. */
  readonly emit: Emit | undefined
  /** The options of the calls that were given. */
  readonly defaults: AcquireOptions
  /** The same, resolved: what a call without options works with. */
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
  // A pattern takes 7 and null for text.
  const isText = typeof (clientId as unknown) === "string"
  if (clientId !== undefined && !(isText && CLIENT_ID.test(clientId))) {
    // Text is not repeated: a REST token may have been pasted here.
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
  // Refused here, not at the first call.
  const resolved = resolveAcquireOptions(defaults)
  const { ttlMs, waitUntil } = resolved
  const store = openStore({ redis, fetch, keyLocking, clientId, waitUntil, ...settings })
  store.checkTtl?.(ttlMs)
  const emit = onEvent && safeCallback("onEvent", onEvent)
  return { store, ...settings, clientId, emit, defaults, resolved }
}
