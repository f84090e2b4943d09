// Opens the store that a `redis` option describes.
import { invalid, showKind } from "../values/invalid-argument.js"
import { SHORTEST_SECRET } from "../values/token.js"
import { Database } from "./database.js"
import { FetchClient, type RestConfig } from "./fetch-client.js"
import type { Fetch } from "./transport.js"
import { SingleStore } from "./single-store.js"
import type { LockStore, StoreRecipe, StoreSettings } from "./store.js"
import { isUpstashRedis, type UpstashRedis, UpstashRedisClient } from "./upstash-client.js"

/** A common part of this length is not a coincidence. */
const LONG_PART = 16

/** The options with which a store is opened. */
export interface StoreOptions extends StoreSettings {
  readonly redis: RestConfig | UpstashRedis | StoreRecipe
}

/** @throws `TypeError` that names the option. */
export function openStore({ redis, ...settings }: StoreOptions): LockStore {
  if (isRecipe(redis)) return redis.openStore(settings)
  return new SingleStore(openDatabase({ redis, ...settings }))
}

function isRecipe(redis: object | null): redis is StoreRecipe {
  // An untyped caller may pass anything.
  return typeof redis === "object" && redis !== null && "openStore" in redis
}

/** The options with which a database is opened. */
export interface DatabaseOptions {
  readonly redis: RestConfig | UpstashRedis
  readonly prefix: string
  readonly fetch: Fetch | undefined
  readonly keyLocking: boolean | undefined
  readonly clientId: string | undefined
}

/** @throws `TypeError` that names the option. */
export function openDatabase({
  redis,
  prefix,
  fetch,
  keyLocking,
  clientId,
}: DatabaseOptions): Database {
  // An untyped caller may pass anything.
  const given: unknown = redis
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    // A string may be a connection string that contains the password.
    const got = showKind(given)
    throw new TypeError(
      `redis: must be { url, token }, a client of @upstash/redis or quorum([…]), got ${got}`,
    )
  }
  if (keyLocking !== undefined && typeof keyLocking !== "boolean") {
    throw invalid("keyLocking", "a boolean", keyLocking)
  }
  if (isUpstashRedis(given)) {
    if (fetch) throw new TypeError("fetch: only for the built-in client")
    // Most likely it is connected to Upstash.
    return new Database(new UpstashRedisClient(given), prefix, true, keyLocking)
  }
  if (fetch !== undefined && typeof fetch !== "function") {
    throw invalid("fetch", "a function", fetch)
  }
  const client = new FetchClient(given as RestConfig, fetch)
  checkClientId(clientId, (given as RestConfig).token)
  const isUpstash = client.host.endsWith(".upstash.io")
  return new Database(client, prefix, isUpstash, keyLocking)
}

/** A clientId is public and a REST token is secret: neither may contain (much of) the other. */
function checkClientId(clientId: string | undefined, token: string): void {
  if (clientId === undefined) return
  const hasToken = token.length >= SHORTEST_SECRET && clientId.includes(token)
  const isPartOfToken = clientId.length >= LONG_PART && token.includes(clientId)
  if (hasToken || isPartOfToken) {
    throw new TypeError("clientId: must not contain the REST token or a part of it")
  }
}
