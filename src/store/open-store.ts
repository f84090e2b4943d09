// Opens the store that a `redis` option describes.
import type { RestConfig } from "../rest/fetch-client.js"
import type { UpstashRedis } from "../rest/upstash-redis.js"
import { openDatabase } from "./open-database.js"
import { SingleStore } from "./single.js"
import type { LockStore, StoreRecipe, StoreSettings } from "./store.js"

/** What tells a store where and how it is reached. */
export interface StoreOptions extends StoreSettings {
  readonly redis: RestConfig | UpstashRedis | StoreRecipe
}

/** @throws `TypeError` that names the option. */
export function openStore({ redis, ...settings }: StoreOptions): LockStore {
  if (isRecipe(redis)) return redis.openStore(settings)
  return new SingleStore(openDatabase({ redis, ...settings }))
}

function isRecipe(redis: object | null): redis is StoreRecipe {
  // From a caller without types it may be anything.
  return typeof redis === "object" && redis !== null && "openStore" in redis
}
