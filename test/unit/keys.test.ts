// The keys of a lock: each on one node of a cluster, none to be taken for another's.
import { expect, test } from "vitest"
import {
  fenceKeys,
  lockKey,
  lockKeys,
  lockPattern,
  MAX_KEY_BYTES,
  nameOf,
  voteKeys,
} from "../../src/redis/keys.js"
import { waiterEntry } from "../../src/redis/queue.js"

test("a lock lives in its own key and those behind it", () => {
  expect(lockKey("lock:", "a")).toBe("lock:a")
  expect(lockKeys("lock:", "a")).toEqual([
    "lock:a",
    "{lock:a}:queue",
    "{lock:a}:seen",
    "{lock:a}:fence",
    "{lock:a}:holders",
    "{lock:a}:stolen",
  ])
})

test("a database of a quorum votes with the lock's own key, its memory and its counter", () => {
  expect(voteKeys("lock:", "a")).toEqual(["lock:a", "{fetchlock}:born", "{lock:a}:fence"])
  expect(fenceKeys("lock:", "a")).toEqual(["lock:a", "{lock:a}:fence"])
})

test("a key is a lock's name behind the prefix, unless it stands behind another", () => {
  expect(nameOf("lock:", "lock:a")).toBe("a")
  expect(nameOf("", "a")).toBe("a")
  expect(nameOf("lock:", "other:a")).toBeUndefined()
  for (const key of lockKeys("", "a").slice(1)) expect(nameOf("", key)).toBeUndefined()
  // Names that only look like it.
  expect(nameOf("", "{a}:queues")).toBe("{a}:queues")
  expect(nameOf("", "a}:queue")).toBe("a}:queue")
})

test("the pattern of a prefix means each of its characters", () => {
  expect(lockPattern("lock:")).toBe("lock:*")
  expect(lockPattern("a*b?c[d]e\\")).toBe("a\\*b\\?c\\[d\\]e\\\\*")
})

test("the longest key that is made of a prefix and a name is what Upstash allows", () => {
  const longest = Math.max(...lockKeys("", "x".repeat(MAX_KEY_BYTES)).map((key) => key.length))
  expect(longest).toBe(32_768)
})

test("a waiter's entry says what it wants in one line", () => {
  const waiter = { token: "t", channel: "c", leaseMs: 3_000, fencing: true, limit: undefined }
  expect(waiterEntry(waiter)).toBe("t c 3000 1 x")
  const others = { ...waiter, channel: undefined, fencing: false }
  expect(waiterEntry({ ...others, limit: 5 })).toBe("t - 3000 0 5")
  expect(waiterEntry({ ...others, limit: Infinity })).toBe("t - 3000 0 0")
})
