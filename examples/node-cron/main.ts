// A job each second, in as many processes as you start: node examples/node-cron/main.ts
import { Redis } from "@upstash/redis"
import { LockManager } from "fetchlock"
import cron from "node-cron"
import { coordinatorOver } from "./coordinator.js"

cron.setRunCoordinator(coordinatorOver(LockManager.fromEnv()))

const redis = Redis.fromEnv()
cron.schedule(
  "* * * * * *",
  async ({ date }) => {
    await redis.rpush("ticks", date.toISOString())
  },
  // The name is what the processes agree on.
  { name: "tick", distributed: true },
)
