// An engine and the REST handler over it, without a port.
import { withCompareAndSet } from "./compare-and-set.js"
import type { Engine } from "./engine.js"
import { EmbeddedEngine } from "./engine-embedded.js"
import { RedisEngine } from "./engine-redis.js"
import { createRestHandler } from "./rest-handler.js"

export interface RestApiOptions {
  /** The URL of a Redis; undefined for the embedded engine. */
  readonly redis: string | undefined
  readonly token: string
  /** Hosts that requests may name in addition to loopback. */
  readonly hosts?: readonly string[]
  readonly keepAliveMs: number
}

export interface RestApi {
  fetch(request: Request): Response | Promise<Response>
  endStreams(): void
  /** Ends the streams and closes the engine. */
  close(): Promise<void>
}

/** @throws `Error` if the Redis cannot be reached within about two seconds. */
export async function openRestApi({ redis, ...options }: RestApiOptions): Promise<RestApi> {
  const engine = await openEngine(redis)
  const handler = createRestHandler({ engine, ...options })
  return {
    fetch: (request) => handler.fetch(request),
    endStreams: () => {
      handler.close()
    },
    close: async () => {
      handler.close()
      await engine.close()
    },
  }
}

async function openEngine(redis: string | undefined): Promise<Engine> {
  if (redis === undefined) return withCompareAndSet(await EmbeddedEngine.create())
  const engine = await RedisEngine.connect(redis)
  return engine.hasCompareAndSet ? engine : withCompareAndSet(engine)
}
