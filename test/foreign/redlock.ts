// `redlock`, over TCP: its key is the resource as it is.
import { Redis } from "ioredis"
import Redlock, { type Settings } from "redlock"
import { ASK_EACH_MS, PATIENCE_MS, type Peer, type PeerHold } from "./peer.js"

const ONCE: Partial<Settings> = { retryCount: 0 }
const OFTEN: Partial<Settings> = {
  retryCount: PATIENCE_MS / ASK_EACH_MS,
  retryDelay: ASK_EACH_MS,
  retryJitter: 0,
}

export const redlock: Peer = {
  name: "redlock 5.0.0-beta.2",
  prefix: "",
  open: ({ redisUrl }) => {
    const client = new Redis(redisUrl)
    const locks = new Redlock([client], ONCE)
    // It also emits an error for every refusal, and for nothing else that the calls do not report.
    locks.on("error", () => undefined)
    const take = async (name: string, ttlMs: number, settings: Partial<Settings>) => {
      const lock = await locks.acquire([name], ttlMs, settings)
      return { release: () => lock.release() } satisfies PeerHold
    }
    return Promise.resolve({
      tryTake: (name, ttlMs) =>
        take(name, ttlMs, ONCE).catch((error: unknown) => {
          if (error instanceof Error && error.name === "ExecutionError") return undefined
          throw error
        }),
      take: (name, ttlMs) => take(name, ttlMs, OFTEN),
      close: async () => {
        await client.quit()
      },
    })
  },
}
