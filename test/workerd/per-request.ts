// A Worker that makes its manager for each request, from the request's env.
import { LockManager } from "fetchlock"
import { type Env, serve } from "./serve.js"

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    return serve(request, env, LockManager.fromEnv(env))
  },
}
