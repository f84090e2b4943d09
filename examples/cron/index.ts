// A cron job that runs once even if it fires twice: the lock's name contains the scheduled time, and the lock is kept.
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
    // The name contains the time: the run of 03:00 must not prevent the run of 04:00.
    const name = `report:${new Date(event.scheduledTime).toISOString()}`
    await locks.request(name, { ifAvailable: true }, async (lock) => {
      if (!lock) return
      await report(env, lock.signal)
      // Held for longer than a second firing can be late. A run that fails before this line lets another one try.
      await lock.keep("1h")
    })
  },
} satisfies ExportedHandler<Env>

/** Stands in for the work. */
async function report(env: Env, signal: AbortSignal): Promise<void> {
  await scheduler.wait(50, { signal })
  await Redis.fromEnv(env).incr("reports")
}
