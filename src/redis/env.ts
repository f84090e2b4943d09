// Reads a database's URL and token from the environment variables of Upstash and Vercel.
import type { RestConfig } from "./fetch-client.js"

/** The pairs of names, in the order of preference. */
export const REST_VARIABLES = [
  ["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"],
  ["KV_REST_API_URL", "KV_REST_API_TOKEN"],
] as const

/**
 * Reads the url and the token from `env`, or from `process.env` if it exists.
 *
 * @throws `TypeError` that says which variable is missing.
 */
export function restConfigFromEnv(env: object | undefined): RestConfig {
  const variables = (env ?? processEnv()) as Readonly<Record<string, unknown>> | undefined
  if (!variables) {
    throw new TypeError(
      "fromEnv: process.env does not exist here; on Workers pass the env: fromEnv(env)",
    )
  }
  const [urlName, tokenName] = REST_VARIABLES.find(([name]) => variables[name]) ?? REST_VARIABLES[0]
  const where = env ? " in the env that was passed" : ""
  const read = (name: string): string => {
    const value = variables[name]
    if (typeof value !== "string" || value === "") {
      throw new TypeError(`fromEnv: the environment variable ${name} is missing${where}`)
    }
    return value
  }
  return { url: read(urlName), token: read(tokenName) }
}

function processEnv(): object | undefined {
  return (globalThis as { process?: { env?: object } }).process?.env
}
