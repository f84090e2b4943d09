// The keys of a lock: all on one node of a cluster, none shared with another lock.
import { expect, test } from "vitest"
import {
  checkName,
  claimKeys,
  fenceKeys,
  lockKey,
  lockKeys,
  lockPattern,
  MAX_KEY_BYTES,
  nameOf,
  noteKey,
  voteKeys,
  VOTING_SINCE_KEY,
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

/** The slot of a key, as the specification of Redis Cluster defines it. */
function slotOf(key: string): number {
  const open = key.indexOf("{")
  const close = open < 0 ? -1 : key.indexOf("}", open)
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key
  let crc = 0
  for (const byte of new TextEncoder().encode(hashed)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  }
  return crc & 0x3fff
}

test.each([
  ...["a", "", "{a}", "{a}b", "a{b}c", "a{b{c}d}", "{a}{b}", "{}{a}", "a{b", "{", "{{a}", "名{前}"],
  ...['{"a":[1,null]}', "{lock:x}:fence", "{a}:queue", "}{a}", "a}{b}"],
])("all keys of %j are in one slot of a cluster", (name) => {
  // An example of the specification.
  expect(slotOf("123456789")).toBe(0x31c3)
  for (const prefix of ["lock:", "", "{app}:", "{"]) {
    const slots = new Set(lockKeys(prefix, name).map(slotOf))
    // An empty tag is ignored, and a name that has "}" without "{" cannot be one.
    const isEmptyTag = /^$|^[^{]*\{\}/.test(prefix + name)
    if (isEmptyTag) expect(claimKeys(prefix, name)).toEqual(lockKeys(prefix, name))
    else expect([...slots], prefix + name).toEqual([slotOf(prefix + name)])
  }
})

test.each(["a}b", "{}", "}", "a{}b", "}}{"])(
  "a claim of %j names all keys, so that a cluster that could not release the lock refuses the claim",
  (name) => {
    expect(claimKeys("lock:", name)).toEqual(lockKeys("lock:", name))
    expect(claimKeys("lock:", "a")).toEqual(["lock:a"])
  },
)

test("no two locks share a key, whatever braces their names have", () => {
  const parts = ["", "a", "{", "}", "{a}", "}{", ":queue", "{a}{a}"]
  const names = parts.flatMap((x) => parts.flatMap((y) => parts.map((z) => x + y + z)))
  const owners = new Map<string, string>()
  for (const name of new Set(names)) {
    if (nameOf("", name) === undefined) continue
    for (const key of lockKeys("", name)) {
      expect(owners.get(key) ?? name, key).toBe(name)
      owners.set(key, name)
    }
  }
})

test("a database of a quorum votes with the lock's own key, its memory and its counter", () => {
  expect(voteKeys("lock:", "a")).toEqual(["lock:a", "{fetchlock}:born", "{lock:a}:fence"])
  expect(fenceKeys("lock:", "a")).toEqual(["lock:a", "{lock:a}:fence"])
})

test("a key is a lock's name behind the prefix, unless it stands behind another key", () => {
  expect(nameOf("lock:", "lock:a")).toBe("a")
  expect(nameOf("", "a")).toBe("a")
  expect(nameOf("lock:", "other:a")).toBeUndefined()
  for (const key of lockKeys("", "a").slice(1)) expect(nameOf("", key)).toBeUndefined()
  // Names that only look like it.
  expect(nameOf("", "{a}:queues")).toBe("{a}:queues")
  expect(nameOf("", "a}:queue")).toBe("a}:queue")
})

test("the pattern of a prefix matches each of its characters literally", () => {
  expect(lockPattern("lock:")).toBe("lock:*")
  expect(lockPattern("a*b?c[d]e\\")).toBe("a\\*b\\?c\\[d\\]e\\\\*")
})

test("the longest key that is derived from a prefix and a name is as long as Upstash allows", () => {
  const longest = Math.max(...lockKeys("", "x".repeat(MAX_KEY_BYTES)).map((key) => key.length))
  expect(longest).toBe(32_768)
})

test("a waiter's entry contains its request in one line", () => {
  const waiter = { token: "t", address: "c", leaseMs: 3_000, fencing: true, limit: undefined }
  expect(waiterEntry(waiter)).toBe("t c 3000 1 x")
  const others = { ...waiter, address: undefined, fencing: false }
  expect(waiterEntry({ ...others, limit: 5 })).toBe("t - 3000 0 5")
  expect(waiterEntry({ ...others, limit: Infinity })).toBe("t - 3000 0 0")
})

test("the key with which a database of a quorum begins to vote is not that of a lock, whatever the prefix", () => {
  for (const prefix of ["", "{"]) expect(nameOf(prefix, VOTING_SINCE_KEY)).toBeUndefined()
  expect(nameOf("", `${VOTING_SINCE_KEY}!`)).toBe(`${VOTING_SINCE_KEY}!`)
})

test("the note of a client lies beside its lock", () => {
  expect(noteKey("lock:", "a", "me")).toBe("{lock:a}:note:me")
})

test("a name is well-formed Unicode, and not the key of another lock", () => {
  for (const [prefix, name] of [
    ["lock:", "\ud800"],
    ["", "{a}:queue"],
  ] as const) {
    expect(() => {
      checkName(prefix, name)
    }).toThrow("name: must be well-formed Unicode and not a key of another lock")
  }
})
