// The suite in a Worker, with a manager for each request.
import { LockManager } from "fetchlock"
import { runSuite } from "./suite.js"

export default {
  fetch: async (_: Request, env: object) => Response.json(await runSuite(LockManager.fromEnv(env))),
}
