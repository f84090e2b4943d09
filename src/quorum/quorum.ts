// The public `quorum()`: a value for the `redis` option that stands for several databases.
import { type Duration, MAX_TIMER_MS, parseDuration } from "../time/duration.js"
import { overlay } from "../options.js"
import type { RestConfig } from "../redis/fetch-client.js"
import type { Fetch } from "../redis/transport.js"
import { isUpstashRedis, type UpstashRedis } from "../redis/upstash-client.js"
import type { Database } from "../redis/database.js"
import { openDatabase } from "../redis/open-store.js"
import { isFailed, QuorumNodes } from "./quorum-nodes.js"
import { QuorumStore } from "./quorum-store.js"
import { QuorumNode } from "./quorum-node.js"
import type { LockStore, StoreRecipe, StoreSettings } from "../redis/store.js"
import {
  checkDatabases,
  resolveQuorumOptions,
  type QuorumOptions,
  type ResolvedQuorumOptions,
} from "./quorum-options.js"

/** How `start` reaches the databases. */
export interface QuorumStartOptions {
  /**
   * Used instead of the global `fetch`, by built-in clients.
   *
   * @default globalThis.fetch
   */
  readonly fetch?: Fetch | undefined
  /**
   * The longest time that one database may take.
   *
   * @default "5s"
   */
  readonly timeout?: Duration | undefined
}

type DatabaseSettings = Pick<StoreSettings, "prefix" | "fetch" | "keyLocking" | "clientId">

/**
 * Databases of which a majority decides. Created by `quorum()`, for the `redis` option of a `LockManager`.
 *
 * @example
 * ```ts
 * import { type Quorum, quorum } from "fetchlock/quorum"
 *
 * const databases: Quorum = quorum([a, b, c])
 * ```
 */
export class Quorum implements StoreRecipe {
  readonly #databases: readonly (RestConfig | UpstashRedis)[]
  readonly #options: ResolvedQuorumOptions

  /** @internal */
  constructor(databases: readonly (RestConfig | UpstashRedis)[], options: ResolvedQuorumOptions) {
    this.#databases = databases
    this.#options = options
  }

  /**
   * Lets every database vote at once: for the first start of a quorum, which could otherwise not grant any lock during its
   * first `quarantine`. Call it once, from a script, before the first lock is ever taken.
   *
   * > [!WARNING]
   * > It asserts that no lock is held on these databases. A lock that is held can be granted a second time.
   *
   * @throws `QuorumError` when one of the databases could not be reached; then call it again. `TypeError` or `RangeError`
   *   for an invalid option.
   * @example
   * ```ts
   * import { quorum } from "fetchlock/quorum"
   *
   * await quorum([a, b, c]).start()
   * ```
   */
  async start(options?: QuorumStartOptions): Promise<void> {
    const { fetch, timeout = "5s" } = overlay<QuorumStartOptions>({}, options)
    const timeoutMs = parseDuration("timeout", timeout, { min: 1, max: MAX_TIMER_MS })
    const nobody = () => undefined
    const defaults = { prefix: "", keyLocking: undefined, clientId: undefined }
    const nodes = this.#nodes({ ...defaults, fetch, timeoutMs, waitUntil: nobody })
    const replies = await Promise.all(nodes.all.map((node) => node.start(timeoutMs)))
    if (replies.some(isFailed)) throw nodes.failure(replies)
  }

  /** @internal */
  openStore(settings: StoreSettings): LockStore {
    return new QuorumStore(this.#nodes(settings))
  }

  #nodes({ timeoutMs, waitUntil, ...settings }: StoreSettings): QuorumNodes {
    const all = this.#databases.map((redis, i) => new QuorumNode(this.#open(redis, i, settings)))
    return new QuorumNodes(all, { ...this.#options, cleanUpMs: timeoutMs, waitUntil })
  }

  #open(redis: RestConfig | UpstashRedis, index: number, settings: DatabaseSettings): Database {
    // A client has its own fetch. The option is a mistake only if no database uses the built-in client.
    const isForOthers = isUpstashRedis(redis) && !this.#databases.every(isUpstashRedis)
    const fetch = isForOthers ? undefined : settings.fetch
    try {
      return openDatabase({ ...settings, redis, fetch })
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      throw new TypeError(`databases[${index}]: ${error.message}`, { cause: error })
    }
  }
}

/**
 * Locks on a majority of independent databases, so that they survive the loss of a minority of them (Redlock).
 *
 * @param databases each `{ url, token }` or a client of `@upstash/redis`; three or five, each with nothing in common
 *   with the others that can fail. An even number is correct, but tolerates no more failures than the next lower odd one.
 * @param options how they vote
 * @throws `TypeError` or `RangeError` that names the argument.
 * @see https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/
 * @example
 * ```ts
 * import { LockManager } from "fetchlock"
 * import { quorum } from "fetchlock/quorum"
 *
 * const locks = new LockManager({ redis: quorum([a, b, c]) })
 * ```
 */
export function quorum(
  databases: readonly (RestConfig | UpstashRedis)[],
  options?: QuorumOptions,
): Quorum {
  return new Quorum(checkDatabases(databases), resolveQuorumOptions(options))
}
