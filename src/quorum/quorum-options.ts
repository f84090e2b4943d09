// The options of a quorum: what they mean, what they default to, and what is none.
import { overlay } from "../options.js"
import type { RestConfig } from "../redis/fetch-client.js"
import { isUpstashRedis, type UpstashRedis } from "../redis/upstash-client.js"
import { type Duration, MAX_TIMER_MS, parseDuration } from "../time/duration.js"
import { invalid, showKind } from "../values/invalid-argument.js"

/** How a quorum votes. All who share its locks must use the same databases and the same `quarantine`. */
export interface QuorumOptions {
  /**
   * For how long a database does not vote after it has lost its memory: the longest ttl in use, since until then
   * it may have forgotten a hold that is still valid. So no longer ttl can be asked for, be it in `acquire`,
   * `extend` or `keep`. Longer allows longer holds, and keeps an emptied database, and a new quorum, from voting for
   * longer. `false` lets every database vote at once and allows any ttl.
   *
   * > [!WARNING]
   * > With `false`, a database that is restarted empty or flushed can help a second holder to a majority. It is
   * > right only where each database survives its restarts with everything that it has acknowledged.
   *
   * @default "1m"
   */
  readonly quarantine?: Duration | false | undefined
  /**
   * How long one database may take to vote or to extend, from 1 ms on. What is slower counts as failed. A longer one
   * bears slower databases, and costs time where a majority cannot be reached; time that is lost in
   * voting is lost to the hold. It is never longer than the manager's `timeout`.
   *
   * You need this only for a short ttl with databases on another continent, which take longer than half a second.
   *
   * @default a tenth of the ttl, at least 500 ms
   */
  readonly voteTimeout?: Duration | undefined
}

/** Checked options, in milliseconds. */
export interface QuorumPlan {
  readonly quarantineMs: number
  readonly voteMs: number | undefined
}

/** @throws `TypeError` or `RangeError` that names the option. */
export function planQuorum(options: unknown): QuorumPlan {
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

/** @throws `TypeError` for what are no databases, or the same one twice; `RangeError` for none at all. */
export function checkDatabases(given: unknown): readonly (RestConfig | UpstashRedis)[] {
  if (!Array.isArray(given)) throw invalid("databases", "an array", given)
  if (given.length === 0) throw new RangeError("databases: must be at least one, got none")
  const seen = new Set<unknown>()
  for (const [i, database] of (given as unknown[]).entries()) {
    const isOne = typeof database === "object" && database !== null && isDatabase(database)
    if (!isOne) {
      const expected = "{ url, token } or a client of @upstash/redis"
      throw new TypeError(`databases[${i}]: must be ${expected}, got ${showKind(database)}`)
    }
    // Who votes twice makes a majority of a minority.
    const identity = isUpstashRedis(database) ? database : hrefOf((database as RestConfig).url)
    if (seen.has(identity)) {
      throw new TypeError(`databases[${i}]: is in the list already; each must be another database`)
    }
    seen.add(identity)
  }
  return [...(given as (RestConfig | UpstashRedis)[])]
}

function isDatabase(given: object): boolean {
  return isUpstashRedis(given) || "url" in given
}

/** What is no URL is refused where the client is made. */
function hrefOf(url: string): string {
  return URL.canParse(url) ? new URL(url).href : url
}
