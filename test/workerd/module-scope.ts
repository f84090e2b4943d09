// A Worker whose manager lives at module scope, which `nodejs_compat` makes possible by filling `process.env`.
import { LockManager } from "fetchlock"
import { type Env, serve } from "./serve.js"

const locks = LockManager.fromEnv()

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    return serve(request, env, locks)
  },
}
