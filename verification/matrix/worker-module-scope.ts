// The suite in a Worker, with a manager at module scope.
import { env } from "cloudflare:workers"
import { LockManager } from "fetchlock"
import { runSuite } from "./suite.js"

const locks = LockManager.fromEnv(env)

export default {
  fetch: async () => Response.json(await runSuite(locks)),
}
