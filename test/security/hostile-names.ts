// Names from an adversary: refused before anything is sent, or a lock of their own that touches no other.
import { lockKeys } from "../../src/redis/keys.js"
import fc from "fast-check"
import { afterAll, beforeAll, expect, test } from "vitest"
import { rejection } from "../support/outcomes.js"
import { type Opened, type Variant } from "../support/variants.js"
import { PATIENCE, runs } from "./runs.js"

const VICTIM = "victim"
const PARTS = ["queue", "seen", "fence", "holders", "stolen"]

const NASTY = [
  ...[
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "",
    "*",
    "?",
    "[a]",
    "\\",
    "{}",
    "{",
  ],
  ...[
    "\0",
    "\r\n",
    "a\r\nAuthorization: Bearer x",
    "a b",
    '"',
    "'",
    "${a}",
    "%00",
    "../..",
    "?_token=x",
  ],
  ...["\ud800", "a\udfff", "\ud83d", "\udd12\ud83d", "\ufeff", "\u202e", "\u2028"],
  ...["fl_a_b", "fl_#0#1", "fl_a_b+", "OK", "null", "0", "nan", "}:queue", "{lock:}", "lock:"],
  ...PARTS.flatMap((part) => [`{${VICTIM}}:${part}`, `{lock:${VICTIM}}:${part}`]),
  "{fetchlock}:born",
  "x".repeat(32_753),
  "x".repeat(100_000),
  "🔒".repeat(9_000),
]

const unit = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
  fc.constantFrom("{", "}", ":", "*", "\0", "\n", "\ud800", "\udc00", "+", "-", " "),
)
const names = fc
  .oneof(fc.constantFrom(...NASTY), fc.string({ unit, maxLength: 40 }))
  .filter((name) => !name.startsWith("-"))
const prefixes = fc.constantFrom("lock:", "", "{", "{a}:", "%s*")

const isWellFormed = (text: string) => !/\p{Surrogate}/u.test(text)

export function hostileNames(variant: Variant): void {
  let database: Opened
  /** Beside the one that is emptied again and again. */
  let other: Opened
  beforeAll(async () => {
    database = await variant.open()
    other = await variant.open()
  })
  afterAll(() => Promise.all([database.close(), other.close()]))

  test(
    "any name is refused, or names a lock of its own that leaves nothing behind",
    PATIENCE,
    async () => {
      const property = fc.asyncProperty(prefixes, names, async (prefix, name) => {
        const { command } = database
        const locks = database.locks({ prefix })
        await command("FLUSHALL")
        const victim = await locks.acquire(VICTIM, { fencing: true })
        const waiting = locks.acquire(VICTIM, { push: false, wait: "20s" })
        while ((await locks.inspect(VICTIM)).waiting === 0) continue
        const before = await command("DBSIZE")
        try {
          const lock = await locks.acquire(name, { fencing: true, wait: 0 })
          expect(isWellFormed(name)).toBe(true)
          expect(lock.name).toBe(name)
          expect(await command("GET", prefix + name)).toBe(lock.token)
          expect(await locks.tryAcquire(name)).toBeNull()
          expect((await locks.query({ name })).held).toHaveLength(1)
          await lock.extend()
          expect(await lock.release()).toBe("released")
          expect(await command("DEL", String(lockKeys(prefix, name)[3]))).toBe(1)
        } catch (error) {
          if (name === VICTIM) return
          if (!(error instanceof TypeError || error instanceof RangeError)) throw error
          expect(error.message).toMatch(/^name: /)
          expect(error.message.length).toBeLessThan(400)
        } finally {
          expect(await command("DBSIZE")).toBe(before)
          expect(victim.signal.aborted).toBe(false)
          expect(await victim.release()).toBe("released")
          await (await waiting).release()
        }
      })
      await fc.assert(property, runs(30))
    },
  )

  test("a name that is a part of another lock, or half of a character, is refused and nothing is sent", async () => {
    const { proxy, locks } = await other.proxied()
    const refused: [prefix: string, name: string][] = [
      ...PARTS.map((part): [string, string] => ["", `{${VICTIM}}:${part}`]),
      ...PARTS.map((part): [string, string] => ["{", `{${VICTIM}}:${part}`]),
      ["", "{fetchlock}:born"],
      ["{fetchlock}:", "born"],
      ["", "\ud800"],
      ["lock:", "a\udc00b"],
      ["\ud83d", "\ud83d"],
    ]
    for (const [prefix, name] of refused) {
      const manager = locks({ prefix })
      for (const run of [
        () => manager.acquire(name),
        () => manager.request(name, () => undefined),
        () => manager.inspect(name),
        () => manager.forceRelease(name),
        () => manager.query({ name }),
        () => manager.acquireAll(["a", name]),
        () => manager.adopt({ name, token: "fl_a_b", ttlMs: 1_000 }),
      ]) {
        const error = await rejection(run())
        expect(error).toBeInstanceOf(TypeError)
        expect((error as Error).message).toMatch(/^name: must be well-formed Unicode and not a key/)
      }
    }
    expect(proxy.log).toEqual([])
    // Two halves in their order are one character, and if the prefix keeps them apart nothing is refused.
    await (await locks().acquire("\ud83d\udd12")).release()
    await (await locks().acquire(`{${VICTIM}}:queue`)).release()
  })
}
