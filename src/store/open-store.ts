// Opens the store that a `redis` option describes.
import type { RestConfig } from "../rest/fetch-client.js"
import type { UpstashRedis } from "../rest/upstash-redis.js"
import { invalid } from "../invalid-argument.js"
import { openDatabase } from "./open-database.js"
import { SingleStore } from "./single.js"
import type { LockStore, StoreRecipe, StoreSettings } from "./store.js"

/** What tells a store where and how it is reached. */
export interface StoreOptions extends StoreSettings {
  readonly redis: RestConfig | UpstashRedis | StoreRecipe
}

/** @throws `TypeError` that names the option. */
export function openStore({ redis, ...settings }: StoreOptions): LockStore {
  const { compareAndSet } = settings
  if (compareAndSet !== undefined && typeof compareAndSet !== "boolean") {
    throw invalid("compareAndSet", "a boolean", compareAndSet)
  }
  if (isRecipe(redis)) return redis.openStore(settings)
  const database = openDatabase({ redis, ...settings })
  const isDefault = database.isUpstash && database.transport.keepsOrder
  return new SingleStore(database, compareAndSet ?? isDefault)
}

function isRecipe(redis: object | null): redis is StoreRecipe {
  // From a caller without types it may be anything.
  return typeof redis === "object" && redis !== null && "openStore" in redis
}
