// A guarded counter on Bun: bun run examples/bun/main.ts, which serves what is exported on $PORT.
import { LockManager } from "fetchlock"
import { withLock } from "fetchlock/handler"

const locks = LockManager.fromEnv()

let count = 0

export default {
  fetch: withLock(
    async () => {
      const before = count
      await new Promise((resolve) => setTimeout(resolve, 20))
      count = before + 1
      return Response.json({ count })
    },
    { locks, name: "counter:bun", wait: "10s" },
  ),
}
