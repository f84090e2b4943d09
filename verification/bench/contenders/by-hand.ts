// Run once as it is written by hand: a lock by `SET NX`, a key for the result, and callers that poll for it.
import { setTimeout as sleep } from "node:timers/promises"
import { Redis } from "@upstash/redis"
import type { Place } from "./contender.js"

/** As @upstash/lock polls by default. */
const POLL_MS = 100

export async function onceByHand<T>(
  { url, token }: Place,
  name: string,
  run: () => Promise<T>,
): Promise<T> {
  const redis = new Redis({ url, token, enableAutoPipelining: false })
  const [lock, result] = [`by-hand:${name}`, `by-hand:${name}:result`]
  for (;;) {
    const before = await redis.get<T>(result)
    if (before !== null) return before
    if ((await redis.set(lock, "1", { nx: true, px: 30_000 })) === "OK") {
      // Another caller may have settled between the two requests above.
      const value = (await redis.get<T>(result)) ?? (await run())
      await redis.set(result, value, { px: 10_000 })
      await redis.del(lock)
      return value
    }
    await sleep(POLL_MS)
  }
}
