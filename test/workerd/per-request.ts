// A Worker that creates its manager for each request, from the request's env.
import { LockManager } from "fetchlock"
import { type Env, serve } from "./serve.js"

/** The part of a request's context that is used here. */
interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void
}

export default {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const waitUntil = (work: Promise<unknown>) => {
      ctx.waitUntil(work)
    }
    return serve(request, env, LockManager.fromEnv(env, { waitUntil }))
  },
}
