// A cron job that runs once although it fires twice: the lock's name carries the scheduled time, and is kept.
import { Redis } from "@upstash/redis/cloudflare"
import { LockManager } from "fetchlock"

interface Env {
  UPSTASH_REDIS_REST_URL: string
  UPSTASH_REDIS_REST_TOKEN: string
}

export default {
  async scheduled(event, env, ctx) {
    const locks = LockManager.fromEnv(env, {
      waitUntil: (work) => {
        ctx.waitUntil(work)
      },
    })
    // Not the name alone: the run of 03:00 must not keep the one of 04:00 from running.
    const name = `report:${new Date(event.scheduledTime).toISOString()}`
    await locks.request(name, { ifAvailable: true }, async (lock) => {
      if (!lock) return
      await report(env, lock.signal)
      // Held for longer than a second firing may be late. Who fails before this line lets another one try.
      await lock.keep("1h")
    })
  },
} satisfies ExportedHandler<Env>

/** Stands in for the work. */
async function report(env: Env, signal: AbortSignal): Promise<void> {
  await scheduler.wait(50, { signal })
  await Redis.fromEnv(env).incr("reports")
}
