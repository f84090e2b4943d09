// A cron job that runs once even if it fires twice: the name has the fire time, and the result is remembered.
import { Redis } from "@upstash/redis/cloudflare"
import { LockManager } from "fetchlock"
import { once } from "fetchlock/once"

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
    // Remembered for longer than a second firing can be late. A run that fails is not: the second firing runs it again.
    await once(locks, name, { remember: "1h" }, (lock) => report(env, lock.signal))
  },
} satisfies ExportedHandler<Env>

/** Stands in for the work. */
async function report(env: Env, signal: AbortSignal): Promise<void> {
  await scheduler.wait(50, { signal })
  await Redis.fromEnv(env).incr("reports")
}
