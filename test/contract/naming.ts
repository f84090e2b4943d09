// The contract of names: any text is a name, and no two names are one lock.
import { expect, test } from "vitest"
import type { Lab } from "./lab.js"

const NAMES: Readonly<Record<string, string>> = {
  "nothing at all": "",
  "a space": " ",
  colons: "a:b::c",
  slashes: "/a//b/../c",
  "a question mark": "a?b=c&d",
  "a hash": "a#b",
  percents: "100%25%",
  braces: "{a}b{c",
  "a key of ours": "{lock:x}:fence",
  newlines: "a\nb\r\nc",
  quotes: `a"b'c\\d\``,
  "a NUL": "a\0b",
  emoji: "🔒👩‍👩‍👧",
  "another script": "замок 鍵 مفتاح",
  JSON: '{"a":[1,null]}',
  "a number": "12345",
  "the word null": "null",
  "a plus at its end": "token+",
  "Lua's and Redis's words": '"]] return redis.call("FLUSHALL") --[[',
  "one kilobyte": "k".repeat(1_024),
  "thirty kilobytes": "名".repeat(10_000),
}

export function naming(lab: () => Lab): void {
  test.for(Object.entries(NAMES))("a name may contain %s", async ([, name]) => {
    const { locks, command } = lab()
    const lock = await locks().acquire(name, { fencing: true })
    expect(lock.name).toBe(name)
    expect(await command("GET", `lock:${name}`)).toBe(lock.token)
    expect(await locks().tryAcquire(name)).toBeNull()
    await lock.extend()
    const adopted = await locks().adopt(lock.transfer())
    expect(await adopted.release()).toBe("released")
    expect(await command("EXISTS", `lock:${name}`)).toBe(0)
  })

  test("names that look alike are different locks", async () => {
    const { locks } = lab()
    const alike = [
      "alike",
      "Alike",
      "alike ",
      " alike",
      "alike\n",
      "alike\0",
      "alike+",
      "a\u0301",
      "á",
    ]
    const granted = await Promise.all(alike.map((name) => locks().tryAcquire(name)))
    expect(granted.every((lock) => lock !== null)).toBe(true)
  })
}
