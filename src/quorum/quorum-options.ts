// The options of a quorum: their meaning, their defaults, and their validation.
import { overlay } from "../options.js"
import type { RestConfig } from "../redis/fetch-client.js"
import { isUpstashRedis, type UpstashRedis } from "../redis/upstash-client.js"
import { type Duration, MAX_TIMER_MS, parseDuration } from "../time/duration.js"
import { invalid, showKind } from "../values/invalid-argument.js"

/** How a quorum votes. All processes that share its locks must use the same databases and the same `quarantine`. */
export interface QuorumOptions {
  /**
   * For how long a database does not vote after it has lost its memory. Until then it may have forgotten a hold that is
   * still valid, so this is also the longest ttl that `acquire`, `extend` and `keep` accept. A longer one allows longer
   * holds, but an emptied database, and a new quorum, take longer to vote. `false` lets every database vote at once and
   * allows any ttl.
   *
   * > [!WARNING]
   * > With `false`, a database that is restarted empty or flushed can give a second holder a majority. Use it only if each
   * > database survives its restarts with everything that it has acknowledged.
   *
   * @default "1m"
   */
  readonly quarantine?: Duration | false | undefined
  /**
   * How long one database may take to vote or to extend: at least 1 ms. A slower database counts as failed. A longer
   * timeout tolerates slower databases, but costs time if a majority cannot be reached; the time that voting takes is lost
   * to the hold. It never exceeds the manager's `timeout`.
   *
   * You need this only for a short ttl with databases on another continent, which take longer than half a second.
   *
   * @default a tenth of the ttl, at least 500 ms
   */
  readonly voteTimeout?: Duration | undefined
}

/** Checked options, in milliseconds. */
export interface ResolvedQuorumOptions {
  readonly quarantineMs: number
  readonly voteMs: number | undefined
}

/** @throws `TypeError` or `RangeError` that names the option. */
export function resolveQuorumOptions(options: unknown): ResolvedQuorumOptions {
  const { quarantine = "1m", voteTimeout } = overlay<QuorumOptions>({}, options)
  return {
    quarantineMs:
      quarantine === false
        ? 0
        : parseDuration("quarantine", quarantine, { min: 10, max: Number.MAX_SAFE_INTEGER }),
    voteMs:
      voteTimeout === undefined
        ? undefined
        : parseDuration("voteTimeout", voteTimeout, { min: 1, max: MAX_TIMER_MS }),
  }
}

/** @throws `TypeError` for an item that is not a database, or a duplicate; `RangeError` for an empty list. */
export function checkDatabases(given: unknown): readonly (RestConfig | UpstashRedis)[] {
  if (!Array.isArray(given)) throw invalid("databases", "an array", given)
  if (given.length === 0) throw new RangeError("databases: must not be empty")
  const seen = new Set<unknown>()
  for (const [i, database] of (given as unknown[]).entries()) {
    const isOne = typeof database === "object" && database !== null && isDatabase(database)
    if (!isOne) {
      const expected = "{ url, token } or a client of @upstash/redis"
      throw new TypeError(`databases[${i}]: must be ${expected}, got ${showKind(database)}`)
    }
    // A database that votes twice would turn a minority into a majority.
    const identity = isUpstashRedis(database) ? database : hrefOf((database as RestConfig).url)
    if (seen.has(identity)) {
      throw new TypeError(`databases[${i}]: is a duplicate; each must be a different database`)
    }
    seen.add(identity)
  }
  return [...(given as (RestConfig | UpstashRedis)[])]
}

function isDatabase(given: object): boolean {
  return isUpstashRedis(given) || "url" in given
}

/** An invalid URL is refused later, when the client is created. */
function hrefOf(url: string): string {
  return URL.canParse(url) ? new URL(url).href : url
}
