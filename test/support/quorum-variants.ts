// The variants with several databases: their waiters poll, without a queue.
import { LockManager, type LockManagerOptions } from "../../src/index.js"
import { quorum } from "../../src/quorum/index.js"
import { QuorumFaults } from "./quorum-faults.js"
import { hasRedisServer } from "./redis-server.js"
import {
  type ClientName,
  connect,
  type Database,
  type EngineName,
  openDatabase,
  REST_TOKEN,
  type Variant,
} from "./variants.js"

export const quorumVariants: readonly Variant[] = [
  quorumVariant("real Redis", ["fetch client", "@upstash/redis", "fetch client"]),
  quorumVariant("embedded engine", Array<ClientName>(4).fill("@upstash/redis")),
]

function quorumVariant(engine: EngineName, clients: readonly ClientName[]): Variant {
  const kinds = [...new Set(clients)].join(" and ")
  return {
    name: `${clients.length} × ${engine}, ${kinds}`,
    engine,
    client: clients.includes("@upstash/redis") ? "@upstash/redis" : "fetch client",
    push: false,
    hasQueue: false,
    isAvailable: engine === "embedded engine" || hasRedisServer(),
    open: async () => {
      const databases: Database[] = []
      while (databases.length < clients.length) databases.push(await openDatabase(engine))
      const faults: QuorumFaults[] = []
      const at = (urls: readonly string[]) =>
        quorum(
          urls.map((url, i) => connectOne(clients[i] ?? "fetch client", url)),
          // Several databases on a busy machine take their time.
          { quarantine: "10m", voteTimeout: "3s" },
        )
      const locksAt = (urls: readonly string[]) => (options?: Partial<LockManagerOptions>) =>
        new LockManager({ redis: at(urls), ...options })
      const urls = databases.map(({ url }) => url)
      await at(urls).start()
      return {
        url: urls[0] ?? "",
        token: REST_TOKEN,
        redisUrl: undefined,
        redis: at(urls),
        command: async (...command) => {
          const replies = await Promise.all(
            databases.map((database) => database.command(...command)),
          )
          // A test that empties all of them knows that no lock is held.
          if (command[0] === "FLUSHALL") await at(urls).start()
          return agreed(replies)
        },
        locks: locksAt(urls),
        proxied: async () => {
          const proxy = await QuorumFaults.open(urls)
          faults.push(proxy)
          return { proxy, locks: locksAt(proxy.urls) }
        },
        close: async () => {
          await Promise.all(faults.map((proxy) => proxy.close()))
          await Promise.all(databases.map((database) => database.close()))
        },
      }
    },
  }
}

function connectOne(client: ClientName, url: string) {
  const redis = connect(client, url)
  if ("openStore" in redis) throw new TypeError("a quorum is no database")
  return redis
}

/** The reply of a majority of the databases: of numbers the median, else the most frequent reply. */
function agreed(replies: readonly unknown[]): unknown {
  if (replies.every((reply) => typeof reply === "number")) {
    return [...replies].sort((a, b) => a - b)[Math.floor(replies.length / 2)]
  }
  const texts = replies.map((reply) => JSON.stringify(reply))
  const count = (text: string) => texts.filter((other) => other === text).length
  const best = texts.reduce((a, b) => (count(b) > count(a) ? b : a))
  return JSON.parse(best)
}
