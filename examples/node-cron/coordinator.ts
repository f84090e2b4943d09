// Lets node-cron run each firing in one of several processes: a `RunCoordinator` over fetchlock.
import type { Lock, LockManager } from "fetchlock"
import type { RunCoordinator } from "node-cron"

export function coordinatorOver(locks: LockManager): RunCoordinator {
  const running = new Map<string, Lock>()
  return {
    // The key has the task's name and its fire time.
    async shouldRun(key, ttlMs) {
      const lock = await locks.tryAcquire(`cron:${key}`, { ttl: ttlMs })
      if (lock) running.set(key, lock)
      return lock !== null
    },
    // Held for longer than another process's clock can be behind.
    async onComplete(key) {
      await running.get(key)?.keep("10m")
      running.delete(key)
    },
  }
}
