// The database of a run: a real, persistent Redis, the local REST server over it, and a direct connection.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Redis } from "ioredis"
import { type Listening, listen } from "../../../packages/dev-server/src/listen.js"
import { openRestApi, type RestApi } from "../../../packages/dev-server/src/rest-api.js"
import { type RedisServer, startRedis } from "../../../test/support/redis-server.js"
import { monotonicMs } from "../monotonic.js"

const TOKEN = "rest-token-of-the-torture"
const HOST = "127.0.0.1"
const KEEP_ALIVE_MS = 30_000

export class TorturedDatabase {
  readonly #directory: string
  readonly #api: RestApi
  readonly #listening: Listening
  readonly #direct: Redis
  #redis: RedisServer

  static async start(): Promise<TorturedDatabase> {
    const directory = await mkdtemp(join(tmpdir(), "fetchlock-torture-redis-"))
    const redis = await startRedis(undefined, directory)
    const api = await openRestApi({ redis: redis.url, token: TOKEN, keepAliveMs: KEEP_ALIVE_MS })
    const listening = await listen((request) => api.fetch(request), 0, HOST)
    return new TorturedDatabase(directory, redis, api, listening)
  }

  private constructor(directory: string, redis: RedisServer, api: RestApi, listening: Listening) {
    this.#directory = directory
    this.#redis = redis
    this.#api = api
    this.#listening = listening
    this.#direct = new Redis(redis.url, { maxRetriesPerRequest: 0, retryStrategy: () => 50 })
    // While Redis is down, each command rejects.
    this.#direct.on("error", () => undefined)
  }

  get url(): string {
    return `http://${HOST}:${this.#listening.port}`
  }

  /** The same without the network. */
  fetch(request: Request): Response | Promise<Response> {
    return this.#api.fetch(request)
  }

  get token(): string {
    return TOKEN
  }

  /** Kills it and starts it again with its data. @returns when it went down, and when it could be reached again */
  async restart(): Promise<{ from: number; until: number }> {
    const from = monotonicMs()
    await this.#redis.kill()
    this.#redis = await startRedis(this.#redis.port, this.#directory)
    return { from, until: monotonicMs() }
  }

  /** Each key and its remaining ttl in ms, -1 for a key without a ttl. Undefined while Redis is down. */
  async keys(): Promise<ReadonlyMap<string, number> | undefined> {
    try {
      const keys = await this.#direct.keys("*")
      const left = await Promise.all(keys.map((key) => this.#direct.pttl(key)))
      return new Map(keys.flatMap((key, i) => (left[i] === -2 ? [] : [[key, left[i] ?? 0]])))
    } catch {
      return undefined
    }
  }

  async close(): Promise<void> {
    this.#direct.disconnect()
    this.#api.endStreams()
    await this.#listening.close()
    await this.#api.close()
    await this.#redis.stop()
    await rm(this.#directory, { recursive: true, force: true })
  }
}
