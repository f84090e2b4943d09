// Both engines behind a local server, for tests that run on each of them.
import { startDevServer, type DevServerOptions } from "../src/index.js"
import { hasRedisServer, startRedis } from "../../../test/support/redis-server.js"
import { startValkey } from "../../../test/support/valkey-server.js"
import { RestClient } from "./rest-client.js"

export interface EngineVariant {
  readonly name: string
  /** Whether this machine has everything that the engine needs. */
  readonly isAvailable: boolean
  readonly open: (options?: DevServerOptions) => Promise<OpenEngine>
}

export interface OpenEngine {
  readonly rest: RestClient
  readonly url: string
  readonly token: string
  /** The number of HTTP requests so far. */
  readonly requests: number
  close(): Promise<void>
}

export const TOKEN = "token-of-the-tests"

export const embedded: EngineVariant = {
  name: "embedded engine",
  isAvailable: true,
  open: (options) => open({ ...options }),
}

export const realRedis: EngineVariant = {
  name: "real Redis",
  isAvailable: hasRedisServer(),
  open: async (options) => {
    const redis = await startRedis()
    return open({ ...options, redis: redis.url }, () => redis.stop())
  },
}

/** For the suites in which the commands of the server matter. */
export const onValkey: EngineVariant = {
  name: "Valkey",
  isAvailable: true,
  open: async (options) => {
    const valkey = await startValkey()
    return open({ ...options, redis: valkey.url }, () => valkey.stop())
  },
}

export const engines: readonly EngineVariant[] = [embedded, realRedis]

async function open(
  options: DevServerOptions,
  afterwards: () => Promise<void> = () => Promise.resolve(),
): Promise<OpenEngine> {
  const server = await startDevServer({ port: 0, token: TOKEN, ...options })
  return {
    rest: new RestClient(server.url, server.token),
    url: server.url,
    token: server.token,
    get requests() {
      return server.requests
    },
    close: async () => {
      await server.close()
      await afterwards()
    },
  }
}
