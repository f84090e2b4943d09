// Opens the database that the environment, or an env file, names.
import { hostname } from "node:os"
import { LockManager } from "../lock-manager.js"
import type { LockManagerOptions } from "../manager-options.js"
import { REST_VARIABLES, restConfigFromEnv } from "../redis/env.js"
import type { RestConfig } from "../redis/fetch-client.js"
import type { Arguments } from "./command-line.js"
import { readEnvFile } from "./env-file.js"
import { UsageError } from "./failure.js"
import { createFetch } from "./http-fetch.js"

/** A machine that starts hundreds of commands at once leaves each of them little time to read its replies. */
const TIMEOUT = "15s"

/** @throws UsageError that says which variable is missing */
export function configOf({ options }: Arguments): RestConfig {
  const file = options.get("env-file")
  // Never both: the URL of one database and the token of another would be mixed up.
  const variables = file === undefined ? process.env : readEnvFile(file)
  const where = file === undefined ? "" : ` in ${file}`
  const pair = REST_VARIABLES.find(([url]) => variables[url])
  if (!pair) {
    throw new UsageError(
      `UPSTASH_REDIS_REST_URL is not set${where} (nor KV_REST_API_URL): set it to the database's REST URL`,
    )
  }
  if (!variables[pair[1]]) {
    throw new UsageError(`${pair[1]} is not set${where}: set it to the database's REST token`)
  }
  return restConfigFromEnv(variables)
}

/** A manager whose holds can be recognized: its client id contains this machine's name. */
export function connect(
  args: Arguments,
  options: Omit<LockManagerOptions, "redis" | "prefix" | "fetch" | "clientId"> = {},
): LockManager {
  return new LockManager({
    redis: configOf(args),
    prefix: args.options.get("prefix"),
    fetch: createFetch(),
    clientId: recognizableClientId(),
    timeout: TIMEOUT,
    ...options,
  })
}

/** `<host>-<process>-<random>`: containers may all have the same names and process numbers. */
function recognizableClientId(): string {
  const host = hostname()
    .replace(/\..*/, "")
    .replace(/[^A-Za-z0-9_-]/g, "-")
    .slice(0, 40)
  const random = Buffer.from(crypto.getRandomValues(new Uint8Array(3))).toString("hex")
  return `${host}-${process.pid}-${random}`
}
