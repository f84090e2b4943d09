// Invariants 2, 3, 4 and 8: the mark, the ttl that every key has and that only grows, and the remaining time of a hold.
import type { Lock } from "../../src/index.js"
import { inOrder } from "../support/fault-proxy.js"
import { until } from "../support/outcomes.js"
import { EXPIRES_BEFORE_APPEND } from "../support/preludes.js"
import { waiterByHand } from "../support/waiter-by-hand.js"
import { firstWith, isOverlapped, type Schedule, untilWaiting } from "./schedule.js"

const KNOWS_FLAG = "isHeldBy(value, token)"
const KNOWS_NO_FLAG = "value == token"

export const holds: readonly Schedule[] = [
  {
    invariant: 2,
    rule: "a release recognizes its lock with the mark, too",
    harm: "a waiter is not let in: the release of a marked lock frees nothing",
    off: [
      {
        file: "redis/lua/release.lua",
        find: `elseif ${KNOWS_FLAG} then`,
        replace: `elseif ${KNOWS_NO_FLAG} then`,
      },
    ],
    play: async (scene) => {
      const holder = await scene.locks().acquire(scene.name)
      const waiting = scene.others.acquire(scene.name, { wait: "3s" }).catch(() => undefined)
      await untilWaiting(scene, 1)
      await holder.release()
      const next = await waiting
      await next?.release()
      return next === undefined
    },
  },
  {
    invariant: 2,
    rule: "an extension recognizes its lock with the mark, too",
    harm: "a holder with a waiter gets the answer that it has lost the lock",
    off: [
      {
        file: "redis/lua/extend.lua",
        find: `if ${KNOWS_FLAG} then`,
        replace: `if ${KNOWS_NO_FLAG} then`,
      },
    ],
    play: async (scene) => {
      const holder = await scene.locks().acquire(scene.name)
      const waiting = scene.others.acquire(scene.name, { wait: "10s" })
      await untilWaiting(scene, 1)
      const isTold = await holder.extend().then(
        () => false,
        () => true,
      )
      await holder.release()
      await (await waiting).release()
      return isTold
    },
  },
  {
    invariant: 2,
    rule: "a retry recognizes its lock with the mark, too",
    harm: "a call gets the answer that another caller has the lock, although it holds the key itself",
    off: [
      {
        file: "redis/lua/claim.lua",
        find: 'isHeldBy(redis.call("GET", lock), token)',
        replace: 'redis.call("GET", lock) == token',
      },
      {
        file: "redis/lua/acquire.lua",
        find: `local isOurs = ${KNOWS_FLAG}`,
        replace: `local isOurs = ${KNOWS_NO_FLAG}`,
      },
    ],
    play: async (scene) => {
      const { locks, others, name, proxy } = scene
      // By its arguments: the script may be a broken one.
      proxy.plan = firstWith("3000", 3, { kind: "hang", executed: true, after: "nothing" })
      const asking = locks({ timeout: 800 }).acquire(name, { wait: "1s", ttl: "3s", renew: false })
      const asked = asking.catch((error: unknown) => error)
      await until(() => (proxy.log[0]?.answers.length ?? 0) > 0)
      // Before its retry.
      const waiting = others.acquire(name, { wait: "10s" })
      await untilWaiting(scene, 1)
      const outcome = await asked
      if (!(outcome instanceof Error)) await (outcome as Lock).release()
      await (await waiting).release()
      return outcome instanceof Error && outcome.name === "LockTimeoutError"
    },
  },
  {
    invariant: 3,
    rule: "a key that only the mark has created is deleted",
    harm: "a mark on a key that expired a moment before locks the name forever",
    off: [
      {
        file: "redis/lua/shared/set-flag.lua",
        find: 'redis.call("APPEND", lock, "+") == #value + 1 then return true end',
        replace: 'redis.call("APPEND", lock, "+") then return true end',
      },
    ],
    play: async ({ hand, command }) => {
      await hand().take(waiterByHand().token)
      await hand(EXPIRES_BEFORE_APPEND).enqueue(waiterByHand())
      return (await command("PTTL", hand().key("lock"))) === -1
    },
  },
  {
    invariant: 4,
    rule: "an extension never shortens a hold",
    harm: "a short extension that comes late ends a hold that was extended for longer meanwhile",
    off: [
      {
        file: "redis/lua/extend.lua",
        find: 'redis.call("PEXPIRE", lock, ttl, "GT")',
        replace: 'redis.call("PEXPIRE", lock, ttl)',
      },
    ],
    play: async (scene) => {
      const { locks, name, proxy } = scene
      const lock = await locks({ timeout: 1_500 }).acquire(name)
      proxy.plan = firstWith("900", 1, { kind: "request-delayed", ms: 2_000 })
      await lock.extend(900).catch(() => undefined)
      await lock.extend("20s")
      await proxy.settled()
      const isHarmed = await isOverlapped(scene, lock, 1_500)
      await lock.release()
      return isHarmed
    },
  },
  {
    invariant: 8,
    rule: "a lock that the caller already holds is trusted for its remaining time",
    harm: "a lock whose first reply was lost is trusted for a whole ttl after its second reply",
    off: [
      {
        file: "redis/replies.ts",
        find: "Validity.ofTtl(sentAt, Math.min(left, ttlMs))",
        replace: "Validity.ofTtl(sentAt, ttlMs)",
      },
    ],
    play: async (scene) => {
      const { locks, name, proxy } = scene
      proxy.plan = inOrder("claim", { kind: "hang", executed: true, after: "nothing" })
      const manager = locks({ timeout: 800 })
      const lock = await manager.acquire(name, { ttl: 4_000, renew: false, wait: "5s" })
      return isOverlapped(scene, lock, 6_000)
    },
  },
  {
    invariant: 8,
    rule: "an adopted lock is trusted for its remaining time",
    harm: "a lock is trusted for a whole ttl after its adoption",
    off: [
      {
        file: "redis/single-store.ts",
        find: "Validity.ofTtl(sentAt, leftMs)",
        replace: "Validity.ofTtl(sentAt, 1_500)",
      },
    ],
    play: async (scene) => {
      const lock = await scene.locks().acquire(scene.name, { ttl: 1_500, renew: false })
      await new Promise((resolve) => setTimeout(resolve, 700))
      const adopted = await scene.locks().adopt(lock.transfer(), { renew: false })
      return isOverlapped(scene, adopted, 4_000)
    },
  },
]
