// A function that hands its lock to a queue's consumer: the lock is held from the request to the end of the job.
import { Redis } from "@upstash/redis/cloudflare"
import { LockLostError, LockManager, type LockTransfer } from "fetchlock"
import { Hono } from "hono"

interface Env {
  UPSTASH_REDIS_REST_URL: string
  UPSTASH_REDIS_REST_TOKEN: string
  JOBS: Queue<Job>
}

interface Job {
  readonly account: string
  /** Anyone who has it can release the lock, so send it only where you would send a secret. */
  readonly lock: LockTransfer
}

const app = new Hono<{ Bindings: Env }>()

app.post("/accounts/:account/export", async (c) => {
  const account = c.req.param("account")
  // Long enough for the job to start; then the consumer renews it.
  const locks = LockManager.fromEnv(c.env)
  const lock = await locks.tryAcquire(`account:${account}`, { ttl: "5m" })
  if (!lock) return c.text("an export is under way", 409)
  const transfer = lock.transfer()
  try {
    await c.env.JOBS.send({ account, lock: transfer })
  } catch (error) {
    // No consumer will adopt the lock, so release it here.
    await (await locks.adopt(transfer)).release()
    throw error
  }
  return c.text("under way", 202)
})

export default {
  fetch: app.fetch,
  async queue(batch, env) {
    const locks = LockManager.fromEnv(env)
    for (const message of batch.messages) {
      const { account, lock: transfer } = message.body
      try {
        await using lock = await locks.adopt(transfer, { renew: true })
        await scheduler.wait(50, { signal: lock.signal })
        await Redis.fromEnv(env).incr(`exports:${account}`)
      } catch (error) {
        // Delivered a second time, or too late: the hold is over, and so is the job.
        if (!(error instanceof LockLostError)) throw error
      }
      message.ack()
    }
  },
} satisfies ExportedHandler<Env, Job>
