// Invariants 1 and 7: one token for each call, only releases once a release was sent, and late answers.
import { inOrder } from "../support/fault-proxy.js"
import { until } from "../support/outcomes.js"
import { connect } from "../support/variants.js"
import { isOverlapped, type Schedule } from "./schedule.js"

export const tokens: readonly Schedule[] = [
  {
    invariant: 1,
    rule: "each acquire call has a token of its own",
    harm: "a release that comes twice, the second time late, frees the next hold of the same client",
    off: [
      {
        file: "values/token.ts",
        find: "const random = randomText(18)",
        replace: 'const random = "A".repeat(24)',
      },
    ],
    play: async (scene) => {
      const { locks, name, proxy } = scene
      proxy.plan = inOrder("release", { kind: "doubled", ms: 400, answer: "first" })
      const manager = locks()
      await (await manager.acquire(name)).release()
      const lock = await manager.acquire(name)
      await proxy.settled()
      const isHarmed = await isOverlapped(scene, lock, 100)
      await lock.release()
      return isHarmed
    },
  },
  {
    invariant: 1,
    rule: "a leave is sent after the reply of the request in flight",
    harm: "a waiter enters the queue after it has left, and is handed the lock for nobody",
    off: [
      {
        file: "acquire/attempts.ts",
        find: "const reply = await this.#lastRequest?.catch(() => undefined)",
        replace: "const reply = undefined",
      },
    ],
    play: async ({ locks, others, hand, name, proxy }) => {
      const holder = await others.acquire(name)
      proxy.plan = inOrder("claim", { kind: "request-delayed", ms: 400 })
      const controller = new AbortController()
      const waiting = locks().acquire(name, { signal: controller.signal })
      waiting.catch(() => undefined)
      await until(() => proxy.seen("claim").length > 0)
      controller.abort()
      await proxy.settled()
      // The leave, which follows the reply.
      await new Promise((resolve) => setTimeout(resolve, 100))
      await proxy.settled()
      await holder.release()
      return (await hand().value()) !== null
    },
  },
  {
    invariant: 7,
    rule: "a late answer leads to a release only if the whole call ended without a grant",
    harm: "the late answer to an abandoned attempt releases the grant of the next attempt",
    off: [
      {
        file: "acquire/acquisition.ts",
        find: "this.#attempts.emitGranted(grant.fencingToken)\n    return",
        replace: `this.#attempts.emitGranted(grant.fencingToken)
      for (const { settled } of this.#attempts.unsettled) void settled.then(() => this.#withdraw(this.#request.token, 1))
      return`,
      },
    ],
    play: async (scene) => {
      const { locks, name, proxy } = scene
      proxy.plan = inOrder("claim", { kind: "reply-delayed", ms: 900 })
      // A client that does not cancel an abandoned request.
      const redis = connect("@upstash/redis", proxy.url)
      const lock = await locks({ redis, timeout: 400 }).acquire(name, { wait: "5s" })
      await proxy.settled()
      // Time for a release that must not come.
      await new Promise((resolve) => setTimeout(resolve, 150))
      const isHarmed = await isOverlapped(scene, lock, 100)
      await lock.release()
      return isHarmed
    },
  },
]
