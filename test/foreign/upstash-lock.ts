// `@upstash/lock`, over the same REST API as ours: its key is the id as it is.
import { Lock } from "@upstash/lock"
import { Redis } from "@upstash/redis"
import { ASK_EACH_MS, PATIENCE_MS, type Peer, type PeerHold } from "./peer.js"

export const upstashLock: Peer = {
  name: "@upstash/lock 0.2.1",
  prefix: "",
  open: ({ url, token }) => {
    // Its types use the client class of the CommonJS build.
    const redis = new Redis({ url, token }) as never
    const takeIn = async (
      attempts: number,
      id: string,
      lease: number,
    ): Promise<PeerHold | undefined> => {
      const lock = new Lock({ id, lease, redis, retry: { attempts, delay: ASK_EACH_MS } })
      return (await lock.acquire()) ? { release: () => lock.release() } : undefined
    }
    return Promise.resolve({
      tryTake: (name, ttlMs) => takeIn(1, name, ttlMs),
      take: async (name, ttlMs) => {
        const hold = await takeIn(PATIENCE_MS / ASK_EACH_MS, name, ttlMs)
        if (!hold) throw new Error("it gave up")
        return hold
      },
      close: () => Promise.resolve(),
    })
  },
}
