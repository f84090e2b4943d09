// The variants on which every guarantee is tested: each engine behind the local server, each client, and each way to wait.
import { Redis, type RedisConfigNodejs } from "@upstash/redis"
import { describe } from "vitest"
import { startDevServer } from "@fetchlock/dev-server"
import { LockManager, type LockManagerOptions, type UpstashRedis } from "../../src/index.js"
import { FaultProxy, type Faults } from "./fault-proxy.js"
import { hasRedisServer, startRedis } from "./redis-server.js"
import { startValkey } from "./valkey-server.js"

/** `Valkey` is Valkey 9 in WebAssembly, for the suites in which the commands of the server matter. */
export type EngineName = "embedded engine" | "real Redis" | "Valkey"
export type ClientName = "fetch client" | "@upstash/redis"

/** The settings that a client of `@upstash/redis` can have. */
export type UpstashSettings = Partial<RedisConfigNodejs>

/** A database behind a local REST server. */
export interface Database {
  readonly url: string
  readonly token: string
  /** Where the Redis behind it is, if there is one. */
  readonly redisUrl: string | undefined
  /** Sends one command as a foreign client would, without the library. */
  readonly command: (...command: readonly string[]) => Promise<unknown>
  readonly close: () => Promise<void>
}

/** A database that is reached in one particular way. */
export interface Opened extends Database {
  /** The `redis` option of a manager. */
  readonly redis: LockManagerOptions["redis"]
  /** A manager of its own on this database. */
  readonly locks: (options?: Partial<LockManagerOptions>) => LockManager
  /** The same with a proxy in between, which counts requests and injects faults. */
  readonly proxied: () => Promise<Proxied>
}

interface Proxied {
  readonly proxy: Faults
  readonly locks: (options?: Partial<LockManagerOptions>) => LockManager
}

export interface Variant {
  readonly name: string
  readonly engine: EngineName
  readonly client: ClientName
  /** Whether waiters receive their grant through a stream. */
  readonly push: boolean
  /** Whether waiters stand in a queue. */
  readonly hasQueue: boolean
  /** Whether this machine has everything that it needs. */
  readonly isAvailable: boolean
  readonly open: () => Promise<Opened>
}

export const REST_TOKEN = "rest-token-of-the-tests"

export const embedded = variant("embedded engine", "fetch client")
export const onRedis = variant("real Redis", "fetch client")
export const onValkey = variant("Valkey", "fetch client")

/** Where the less usual clients are tested. */
const engine = onRedis.isAvailable ? "real Redis" : "embedded engine"

/** Each engine, each client and each way to wait; not each combination of them. */
export const variants: readonly Variant[] = [
  embedded,
  variant(engine, "@upstash/redis"),
  variant(engine, "fetch client", { push: false }),
]

/** Runs if there is a redis-server; otherwise its tests count as skipped. */
export const describeOnRedis = describe.runIf(hasRedisServer())

/** A local REST server over the engine, empty and on a free port. */
export async function openDatabase(engine: EngineName): Promise<Database> {
  const redis = await startServer(engine)
  const server = await startDevServer({
    port: 0,
    token: REST_TOKEN,
    ...(redis && { redis: redis.url }),
  })
  // A process's first request takes a while, which must not count for a test.
  await sendCommand(server.url, ["PING"])
  return {
    url: server.url,
    token: REST_TOKEN,
    redisUrl: redis?.url,
    command: (...command) => sendCommand(server.url, command),
    close: async () => {
      await server.close()
      await redis?.stop()
    },
  }
}

/** The server behind the REST server, if there is one. */
function startServer(engine: EngineName) {
  if (engine === "embedded engine") return undefined
  return engine === "Valkey" ? startValkey() : startRedis()
}

/** The `redis` option that reaches `url` with the named client. */
export function connect(
  client: ClientName,
  url: string,
  { token = REST_TOKEN, ...settings }: UpstashSettings = {},
): LockManagerOptions["redis"] {
  if (client === "fetch client") return { url, token }
  const redis: UpstashRedis = new Redis({ url, token, ...settings })
  return redis
}

function variant(engine: EngineName, client: ClientName, { push = true } = {}): Variant {
  return {
    name: `${engine}, ${client}${push ? "" : ", polling"}`,
    engine,
    client,
    push,
    hasQueue: true,
    isAvailable: engine !== "real Redis" || hasRedisServer(),
    open: async () => reachedBy(await openDatabase(engine), client, push),
  }
}

/** The database as one client reaches it. */
export function reachedBy(database: Database, client: ClientName, push: boolean): Opened {
  const { token } = database
  const proxies: FaultProxy[] = []
  const locksAt = (url: string) => (options?: Partial<LockManagerOptions>) =>
    new LockManager({ redis: connect(client, url, { token }), push, ...options })
  return {
    ...database,
    redis: connect(client, database.url, { token }),
    locks: locksAt(database.url),
    proxied: async () => {
      const proxy = await FaultProxy.open(database.url)
      proxies.push(proxy)
      return { proxy, locks: locksAt(proxy.url) }
    },
    close: async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()))
      await database.close()
    },
  }
}

/** Sends one command without the library. */
export async function sendCommand(
  url: string,
  command: readonly string[],
  token = REST_TOKEN,
): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}` },
    body: JSON.stringify(command),
  })
  const reply = (await response.json()) as { result?: unknown; error?: string }
  if (reply.error !== undefined) throw new Error(reply.error)
  return reply.result
}
