// A guarded counter on Deno: deno serve --allow-net --allow-env examples/deno/main.ts
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
    { locks, name: "counter:deno", wait: "10s" },
  ),
}
