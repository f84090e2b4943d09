// A Worker whose locks live on a quorum: each request runs one critical section and reports its times.
import { LockManager } from "fetchlock"
import { quorum } from "fetchlock/quorum"

interface Env {
  /** The databases' URLs, separated by spaces. */
  readonly URLS: string
  readonly TOKEN: string
}

/** The part of a request's context that is used here. */
interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void
}

addEventListener("unhandledrejection", (event) => {
  console.error("unhandled rejection:", event.reason)
})

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const databases = env.URLS.split(" ").map((url) => ({ url, token: env.TOKEN }))
    const locks = new LockManager({
      redis: quorum(databases),
      waitUntil: (work) => {
        ctx.waitUntil(work)
      },
    })
    const name = new URL(request.url).pathname.slice(1)
    const section = await locks.request(name, { fencing: true, wait: "30s" }, async (lock) => {
      const enteredAt = Date.now()
      await new Promise((resolve) => setTimeout(resolve, 20))
      const isHeld = (await locks.tryAcquire(name)) === null
      const { fencingToken } = lock
      return { lock: name, enteredAt, leftAt: Date.now(), fencingToken, isHeld }
    })
    return Response.json(section)
  },
}
