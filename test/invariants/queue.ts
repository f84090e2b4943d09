// Invariants 5 and 6: who may enter the queue, the mark of a lock that others wait for, and the next holder of a free lock.
import { until } from "../support/outcomes.js"
import { waiterByHand } from "../support/waiter-by-hand.js"
import { firstWith, type Schedule, untilWaiting } from "./schedule.js"

export const queue: readonly Schedule[] = [
  {
    invariant: 5,
    rule: "only enqueue inserts into the queue",
    harm: "a check that comes after its waiter has left enters the queue, and is handed the lock for nobody",
    off: [
      {
        file: "redis/lua/acquire.lua",
        find: 'if action ~= "check" and redis.call("ZADD", queue, "NX", ticket, entry) == 0 and not isBack then',
        replace: 'if redis.call("ZADD", queue, "NX", ticket, entry) == 0 and not isBack then',
      },
    ],
    play: async ({ locks, others, hand, name, proxy }) => {
      const holder = await others.acquire(name)
      proxy.plan = firstWith("check", 2, { kind: "doubled", ms: 500, answer: "first" })
      const controller = new AbortController()
      const { signal } = controller
      const waiting = locks({ push: false }).acquire(name, { signal })
      waiting.catch(() => undefined)
      const isChecked = ({ commands }: (typeof proxy.log)[number]) =>
        commands[0]?.at(-3) === "check"
      await until(() => proxy.log.some((seen) => isChecked(seen) && seen.answers.length > 0))
      controller.abort()
      await until(() => proxy.seen("release: leave").length > 0)
      await proxy.settled()
      await holder.release()
      return (await hand().value()) !== null
    },
  },
  {
    invariant: 5,
    rule: "a check takes a free lock only out of the queue",
    harm: "a check that comes after its waiter has left locks the name for nobody",
    off: [
      {
        file: "redis/lua/acquire.lua",
        find: 'if not value and action == "check" then',
        replace: "if false then",
      },
    ],
    play: async ({ hand }) => {
      const [holder, waiter] = [waiterByHand(), waiterByHand()]
      await hand().take(holder.token)
      const { ticket } = await hand().enqueue(waiter)
      await hand().leave(waiter)
      await hand().release(holder.token)
      await hand().check(waiter, ticket)
      return (await hand().value()) !== null
    },
  },
  {
    invariant: 6,
    rule: "a hand-off marks the lock while others wait for it",
    harm: "its release frees the lock, and a newcomer overtakes the waiters",
    off: [
      {
        file: "redis/lua/shared/grant-next.lua",
        find: 'redis.call("SET", lock, token .. (head and "+" or ""), "PX", ms)',
        replace: 'redis.call("SET", lock, token, "PX", ms)',
      },
    ],
    play: async (scene) => {
      const { locks, others, name } = scene
      const holder = await others.acquire(name)
      const first = locks().acquire(name)
      await untilWaiting(scene, 1)
      const second = locks().acquire(name, { wait: "10s" })
      await untilWaiting(scene, 2)
      await holder.release()
      await (await first).release()
      const newcomer = await others.tryAcquire(name)
      await newcomer?.release()
      await (await second).release()
      return newcomer !== null
    },
  },
  {
    invariant: 6,
    rule: "the first waiter marks the lock of its holder",
    harm: "the release of the holder frees the lock, and a newcomer overtakes the waiter",
    off: [
      {
        file: "redis/lua/acquire.lua",
        find: "if value and not foreign(value) and not setFlag(value) then value, base = nil, nil end",
        replace: "",
      },
    ],
    play: async (scene) => {
      const { locks, others, name } = scene
      const holder = await others.acquire(name)
      const controller = new AbortController()
      const waiting = locks().acquire(name, { signal: controller.signal })
      await untilWaiting(scene, 1)
      await holder.release()
      // It needs none of a waiter's extras: a plain SET.
      const isOvertaken = await scene.hand().take(waiterByHand().token)
      controller.abort()
      await (await waiting.catch(() => undefined))?.release()
      return isOvertaken
    },
  },
  {
    invariant: 6,
    rule: "a free lock goes to the head, not to the caller",
    harm: "after an expiry the first caller to try overtakes the head",
    off: [
      {
        file: "redis/lua/acquire.lua",
        find: "if not value or base and (isWaiter or isFlagged(value)) then",
        replace: "if base and (isWaiter or isFlagged(value)) then",
      },
    ],
    play: async ({ hand, command }) => {
      const [holder, head, second] = [waiterByHand(), waiterByHand(), waiterByHand()]
      await hand().take(holder.token)
      await hand().enqueue(head)
      await hand().enqueue(second)
      await command("DEL", hand().key("lock"))
      const { kind } = await hand().enqueue(second)
      return kind === "granted"
    },
  },
]
