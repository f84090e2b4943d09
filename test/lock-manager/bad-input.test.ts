// Invalid input is refused before anything is sent or changed, by an error that names the option.
import { Redis } from "@upstash/redis"
import { describe, expect, test } from "vitest"
import {
  type AcquireOptions,
  LockManager,
  type LockManagerOptions,
  type LockTransfer,
} from "../../src/index.js"
import { parseTtl } from "../../src/time/duration.js"
import { argumentsOf } from "../support/operation.js"
import { healthyFetch, healthyReply } from "../support/healthy-fetch.js"
import { recorder, rejection } from "../support/outcomes.js"

const URL = "https://example.upstash.io"
const TOKEN = "s3cret-token"

/** A manager whose database accepts every command and remembers it. */
function offline(options: Partial<LockManagerOptions> = {}) {
  const sent: string[][] = []
  const fetch = (_: string, { body }: RequestInit) => {
    sent.push(JSON.parse(body as string) as string[])
    return Promise.resolve(Response.json({ result: healthyReply(body as string) }))
  }
  const locks = new LockManager({ redis: { url: URL, token: TOKEN }, fetch, ...options })
  return { locks, sent }
}

type Refusal = [what: unknown, error: new () => Error, message: RegExp]

const NAMES: Refusal[] = [
  [undefined, TypeError, /^name: must be a string, got undefined/],
  [null, TypeError, /^name: .*got null/],
  [42, TypeError, /^name: .*got 42/],
  [["a"], TypeError, /^name: .*got an array/],
  [{}, TypeError, /^name: .*got an object/],
  [Symbol("a"), TypeError, /^name: .*got Symbol\(a\)/],
  [() => "a", TypeError, /^name: .*got a function/],
  ["a".repeat(32_768), RangeError, /^name: must have at most 32758 bytes .*got 32773/],
  ["名".repeat(11_000), RangeError, /^name: .*got 33005/],
]

/** Each option with invalid values; the same for a call and for the defaults of a manager. */
const OPTIONS: Record<keyof AcquireOptions, Refusal[]> = {
  mode: [
    ["share", TypeError, /^mode: must be "exclusive" or "shared", got "share"/],
    [null, TypeError, /^mode: .*got null/],
    [1, TypeError, /^mode: .*got 1/],
  ],
  ttl: [
    [0, RangeError, /^ttl: must be from 10 to 9007199254740991 ms, got 0/],
    [-1, RangeError, /^ttl: /],
    [9, RangeError, /^ttl: .*got 9/],
    ["0s", RangeError, /^ttl: .*got 0s/],
    [NaN, TypeError, /^ttl: .*got NaN/],
    [Infinity, RangeError, /^ttl: .*got Infinity/],
    [2 ** 53, RangeError, /^ttl: .*got 9007199254740992/],
    ["999999999999d", RangeError, /^ttl: /],
    ["30", TypeError, /^ttl: must be milliseconds or text such as .*got "30"/],
    ["soon", TypeError, /^ttl: .*got "soon"/],
    [null, TypeError, /^ttl: .*got null/],
    [10n, TypeError, /^ttl: .*got 10/],
    [{}, TypeError, /^ttl: .*got an object/],
  ],
  wait: [
    [-1, RangeError, /^wait: must be at least 0 ms, got -1/],
    [NaN, TypeError, /^wait: /],
    ["for ever", TypeError, /^wait: .*got "for ever"/],
    ["Infinity", TypeError, /^wait: /],
    [null, TypeError, /^wait: /],
    [true, TypeError, /^wait: .*got true/],
  ],
  interval: [
    [0, RangeError, /^interval: must be from 10 to 2147483647 ms, got 0/],
    [9, RangeError, /^interval: must be from 10 to/],
    [
      0.25,
      RangeError,
      /^interval: must be an integer in milliseconds, or text such as "30s", got 0.25/,
    ],
    [-5, RangeError, /^interval: /],
    [Infinity, RangeError, /^interval: /],
    [2 ** 31, RangeError, /^interval: /],
    ["often", TypeError, /^interval: /],
    [null, TypeError, /^interval: /],
  ],
  maxRequests: [
    [0, RangeError, /^maxRequests: must be a positive integer, got 0/],
    [-1, RangeError, /^maxRequests: /],
    [1.5, RangeError, /^maxRequests: .*got 1.5/],
    [NaN, RangeError, /^maxRequests: /],
    ["3", TypeError, /^maxRequests: .*got "3"/],
    [null, TypeError, /^maxRequests: /],
  ],
  fencing: [
    ["yes", TypeError, /^fencing: must be a boolean, got "yes"/],
    [1, TypeError, /^fencing: /],
    [null, TypeError, /^fencing: /],
  ],
  watch: [
    ["yes", TypeError, /^watch: must be a boolean, got "yes"/],
    [1, TypeError, /^watch: /],
    [null, TypeError, /^watch: /],
  ],
  push: [
    ["no", TypeError, /^push: must be a boolean, got "no"/],
    [0, TypeError, /^push: /],
    [null, TypeError, /^push: /],
  ],
  renew: [
    ["10s", TypeError, /^renew: must be a boolean or \{ maxHold \}, got "10s"/],
    [1, TypeError, /^renew: /],
    [null, TypeError, /^renew: /],
    [{ maxHold: 0 }, RangeError, /^renew\.maxHold: must be at least 30000 ms, got 0/],
    [{ maxHold: "29s" }, RangeError, /^renew\.maxHold: /],
    [{ maxHold: "long" }, TypeError, /^renew\.maxHold: /],
    [{ maxHold: null }, TypeError, /^renew\.maxHold: /],
  ],
  signal: [
    [new AbortController(), TypeError, /^signal: must be an AbortSignal, got an object/],
    [null, TypeError, /^signal: .*got null/],
    [true, TypeError, /^signal: /],
    ["abort", TypeError, /^signal: /],
    [{ aborted: false }, TypeError, /^signal: /],
  ],
  waitUntil: [
    [{}, TypeError, /^waitUntil: must be a function, got an object/],
    [null, TypeError, /^waitUntil: /],
  ],
}

const cases = Object.entries(OPTIONS).flatMap(([option, refusals]) =>
  refusals.map(([value, error, message]) => ({ option, value, error, message })),
)

test.each(["steal", "ifAvailable"])(
  "the option %s is accepted by request alone",
  async (option) => {
    const given: object = { [option]: true }
    const { locks, sent } = offline()
    for (const refused of [
      locks.acquire("a", given),
      locks.tryAcquire("a", given),
      locks.acquireAll(["a"], given),
      locks.semaphore("a", 2).acquire(given),
    ]) {
      expect(await rejection(refused)).toMatchObject({
        name: "NotSupportedError",
        message: `${option}: only supported by request`,
      })
    }
    expect(sent).toEqual([])
    // As a default it would steal every held lock.
    expect(() => offline(given)).toThrow(`${option}: only supported by request`)
  },
)

test.each(["exclusive", "shared"])("a permit accepts no mode, not even %s", async (mode) => {
  const { locks, sent } = offline()
  const semaphore = locks.semaphore("a", 2)
  const given: object = { mode }
  const refusal = { name: "NotSupportedError", message: "mode: not supported by semaphores" }
  for (const refused of [
    semaphore.acquire(given),
    semaphore.tryAcquire(given),
    semaphore.request(given, () => undefined),
  ]) {
    expect(await rejection(refused)).toMatchObject(refusal)
  }
  // Nor an invalid mode.
  for (const none of ["", null]) {
    const nothing: object = { mode: none }
    expect(await rejection(semaphore.acquire(nothing))).toMatchObject(refusal)
  }
  expect(sent).toEqual([])
})

describe("a name", () => {
  test.for(NAMES)("cannot be %o", async ([name, type, message]) => {
    const { locks, sent } = offline()
    const given = name as string
    for (const refused of [
      locks.acquire(given),
      locks.tryAcquire(given),
      locks.request(given, () => undefined),
      locks.request(given, { ifAvailable: true }, () => undefined),
      locks.inspect(given),
    ]) {
      const error = await rejection(refused)
      expect(error).toBeInstanceOf(type)
      expect((error as Error).message).toMatch(message)
      // Not a kilobyte of it.
      expect((error as Error).message.length).toBeLessThan(200)
    }
    expect(sent).toEqual([])
  })

  test("cannot begin with a hyphen, in any call, as in the Web Locks standard", async () => {
    const { locks, sent } = offline()
    for (const refused of [
      locks.acquire("-x"),
      locks.tryAcquire("-x"),
      locks.request("-x", () => undefined),
      locks.acquireAll(["-x"]),
      locks.inspect("-x"),
      locks.query({ name: "-x" }),
      locks.forceRelease("-x"),
      locks.adopt({ name: "-x", token: "fl_a_b", ttlMs: 1_000 }),
    ]) {
      expect(await rejection(refused)).toMatchObject({
        name: "NotSupportedError",
        message: "name: must not begin with a hyphen",
      })
    }
    expect(() => locks.semaphore("-x", 2)).toThrow("name: must not begin with a hyphen")
    expect(sent).toEqual([])
  })

  test("may be as long as the longest key of its lock allows, with its prefix", async () => {
    const { locks, sent } = offline({ prefix: "p:" })
    await locks.acquire("a".repeat(32_758 - 2))
    expect(await rejection(locks.acquire("a".repeat(32_758 - 1)))).toBeInstanceOf(RangeError)
    expect(sent).toHaveLength(1)
  })
})

describe("an option of a call", () => {
  test.for(cases)("$option cannot be $value", async ({ option, value, error: type, message }) => {
    const { locks, sent } = offline()
    const options = { [option]: value } as AcquireOptions
    for (const refused of [
      locks.acquire("a", options),
      ...(option === "wait" ? [] : [locks.tryAcquire("a", options)]),
      locks.request("a", options, () => undefined),
    ]) {
      const error = await rejection(refused)
      expect(error).toBeInstanceOf(type)
      expect((error as Error).message).toMatch(message)
    }
    expect(sent).toEqual([])
  })

  test("must be in an object, not in text, a number, a boolean, a function or a symbol", async () => {
    const { locks, sent } = offline()
    for (const options of ["30s", 30, true, () => undefined, Symbol("a")]) {
      const error = await rejection(locks.acquire("a", options as AcquireOptions))
      expect(error).toBeInstanceOf(TypeError)
      expect((error as Error).message).toMatch(/^options: must be an object, got /)
    }
    expect(sent).toEqual([])
  })

  test("may be undefined, which means absent, and the options may be null", async () => {
    const { locks, sent } = offline({ ttl: "40s" })
    const none = { ttl: undefined, wait: undefined, signal: undefined, renew: undefined }
    await locks.acquire("a", none)
    await locks.acquire("a", null as unknown as AcquireOptions)
    expect(sent.map((command) => argumentsOf(command)[1])).toEqual(["40000", "40000"])
  })

  test("ttl may be any duration from ten milliseconds to the largest safe integer", async () => {
    const { locks, sent } = offline()
    await locks.acquire("a", { ttl: Number.MAX_SAFE_INTEGER })
    expect(argumentsOf(sent[0] ?? [])[1]).toBe("9007199254740991")
    // Ten milliseconds may be over before the response comes.
    expect(parseTtl(10)).toBe(10)
  })

  test("cannot be wait in tryAcquire, which never waits", async () => {
    const { locks, sent } = offline()
    for (const wait of [0, "5s", Infinity]) {
      const error = await rejection(locks.tryAcquire("a", { wait } as AcquireOptions))
      expect(error).toBeInstanceOf(TypeError)
      expect((error as Error).message).toMatch(/^wait: not supported by tryAcquire/)
    }
    expect(sent).toEqual([])
  })

  test("extend and keep refuse an invalid ttl, and send nothing", async () => {
    const { locks, sent } = offline()
    const lock = await locks.acquire("a")
    for (const [ttl, type] of OPTIONS.ttl) {
      for (const refused of [lock.extend(ttl as number), lock.keep(ttl as number)]) {
        const error = await rejection(refused)
        expect(error).toBeInstanceOf(type)
        expect((error as Error).message).toMatch(/^ttl: /)
      }
    }
    expect(await rejection(lock.keep(undefined as never))).toBeInstanceOf(TypeError)
    expect(sent).toHaveLength(1)
  })
})

describe("an option of a manager", () => {
  const make = (options: object) => () => offline(options)

  test.for(cases)("$option cannot be $value", ({ option, value, error, message }) => {
    expect(make({ [option]: value })).toThrow(error)
    expect(make({ [option]: value })).toThrow(message)
  })

  test.for<[option: string, value: unknown, error: new () => Error, message: RegExp]>([
    ["prefix", 5, TypeError, /^prefix: must be a string, got 5/],
    ["prefix", null, TypeError, /^prefix: /],
    ["prefix", "tenant1", TypeError, /^prefix: must be empty or end in a delimiter.*got "tenant1"/],
    ["prefix", "名", TypeError, /^prefix: /],
    ["clientId", "", TypeError, /^clientId: must be 1 to 64 letters/],
    ["clientId", "a b", TypeError, /^clientId: .*got a string/],
    ["clientId", "a:b", TypeError, /^clientId: /],
    ["clientId", "a\n", TypeError, /^clientId: /],
    ["clientId", "ü", TypeError, /^clientId: /],
    ["clientId", "a".repeat(65), TypeError, /^clientId: /],
    ["clientId", 7, TypeError, /^clientId: /],
    ["clientId", null, TypeError, /^clientId: /],
    ["timeout", 0, RangeError, /^timeout: must be from 1 to 2147483647 ms, got 0/],
    ["timeout", Infinity, RangeError, /^timeout: /],
    ["timeout", 2 ** 31, RangeError, /^timeout: /],
    ["timeout", "5", TypeError, /^timeout: /],
    ["timeout", null, TypeError, /^timeout: /],
    ["fetch", "fetch", TypeError, /^fetch: must be a function, got "fetch"/],
    ["fetch", null, TypeError, /^fetch: /],
    ["keyLocking", "yes", TypeError, /^keyLocking: must be a boolean, got "yes"/],
    ["keyLocking", null, TypeError, /^keyLocking: /],
    ["onEvent", {}, TypeError, /^onEvent: must be a function, got an object/],
    ["onEvent", null, TypeError, /^onEvent: /],
    ["redis", undefined, TypeError, /^redis: must be \{ url, token \}, a client/],
    ["redis", null, TypeError, /^redis: .*got null/],
    ["redis", {}, TypeError, /^redis\.url: must be the database's REST URL, got undefined/],
    [
      "redis",
      { url: URL },
      TypeError,
      /^redis\.token: must be the database's REST token, got undefined/,
    ],
    ["redis", { token: TOKEN }, TypeError, /^redis\.url: /],
    ["redis", { url: "", token: TOKEN }, TypeError, /^redis\.url: /],
    ["redis", { url: 5, token: TOKEN }, TypeError, /^redis\.url: .*got 5/],
    [
      "redis",
      { url: "a.upstash.io", token: TOKEN },
      TypeError,
      /^redis\.url: must begin with https:/,
    ],
    ["redis", { url: "//a.b", token: TOKEN }, TypeError, /^redis\.url: must begin with https:/],
    [
      "redis",
      { url: "redis://a.b", token: TOKEN },
      TypeError,
      /^redis\.url: must begin with https:/,
    ],
    [
      "redis",
      { url: " https://a.b", token: TOKEN },
      TypeError,
      /^redis\.url: must begin with https:/,
    ],
    ["redis", { url: "https://", token: TOKEN }, TypeError, /^redis\.url: is not a valid URL/],
    ["redis", { url: "https://a b", token: TOKEN }, TypeError, /^redis\.url: is not a valid URL/],
    [
      "redis",
      { url: "https://u:p@a.b", token: TOKEN },
      TypeError,
      /^redis\.url: must not contain cred/,
    ],
    ["redis", { url: URL, token: "" }, TypeError, /^redis\.token: /],
    ["redis", { url: URL, token: 5 }, TypeError, /^redis\.token: /],
    [
      "redis",
      { url: URL, token: "a\nb" },
      TypeError,
      /^redis\.token: must consist of visible ASCII characters/,
    ],
    [
      "redis",
      { url: URL, token: "a b" },
      TypeError,
      /^redis\.token: must consist of visible ASCII characters/,
    ],
    ["redis", { set: () => null }, TypeError, /^redis\.url: /],
  ])("%s cannot be %o", ([option, value, error, message]) => {
    const given = option === "redis" ? { redis: value, fetch: undefined } : { [option]: value }
    expect(make(given)).toThrow(error)
    expect(make(given)).toThrow(message)
  })

  test("is required: a manager without options has no database", () => {
    for (const options of [undefined, null, {}]) {
      expect(() => new LockManager(options as LockManagerOptions)).toThrow(/^redis: must be/)
    }
    expect(() => new LockManager("redis" as unknown as LockManagerOptions)).toThrow(/^options: /)
  })

  test("cannot be fetch beside a client that the user passes in, which has its own", () => {
    const redis = new Redis({ url: URL, token: TOKEN })
    expect(make({ redis })).toThrow(TypeError)
    expect(make({ redis })).toThrow(/^fetch: only for the built-in client/)
  })

  test("never reveals a secret in its error", () => {
    const secrets = "s3cret"
    for (const redis of [
      `rediss://default:${secrets}@a.upstash.io:6379`,
      secrets,
      { url: `https://default:${secrets}@a.upstash.io`, token: TOKEN },
      { url: `rediss://default:${secrets}@a.upstash.io:6379`, token: TOKEN },
      { url: `https://a b/?_token=${secrets}`, token: TOKEN },
      { url: secrets, token: TOKEN },
      { url: URL, token: `${secrets}\n` },
      { url: URL, token: `${secrets} ` },
      { url: "", token: secrets },
    ]) {
      let message = ""
      try {
        new LockManager({ redis: redis as LockManagerOptions["redis"] })
      } catch (error) {
        message = (error as Error).message
      }
      expect(message).toMatch(/^redis/)
      expect(message).not.toContain(secrets)
    }
  })
})

describe("fromEnv", () => {
  const upstash = { UPSTASH_REDIS_REST_URL: URL, UPSTASH_REDIS_REST_TOKEN: TOKEN }
  const vercel = { KV_REST_API_URL: "https://vercel.upstash.io", KV_REST_API_TOKEN: "kv" }

  /** The URL and the authorization of a first request. */
  async function reached(env: object): Promise<unknown[]> {
    const seen: unknown[] = []
    const fetch = (url: string, init: RequestInit) => {
      seen.push(url, (init.headers as Record<string, string>)["Authorization"])
      return healthyFetch(url, init)
    }
    await LockManager.fromEnv(env, { fetch }).acquire("a")
    return seen
  }

  test("reads Upstash's variables, or else Vercel's", async () => {
    expect(await reached(upstash)).toEqual([URL, `Bearer ${TOKEN}`])
    expect(await reached(vercel)).toEqual(["https://vercel.upstash.io", "Bearer kv"])
    expect(await reached({ ...vercel, ...upstash })).toEqual([URL, `Bearer ${TOKEN}`])
    const leftover = { ...vercel, UPSTASH_REDIS_REST_TOKEN: "other" }
    expect(await reached(leftover)).toEqual(["https://vercel.upstash.io", "Bearer kv"])
  })

  test("names the missing variable, and never reveals the value of another one", () => {
    const message = (env: object) => {
      try {
        LockManager.fromEnv(env)
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
        return (error as Error).message
      }
      return ""
    }
    expect(message({})).toMatch(/UPSTASH_REDIS_REST_URL is missing/)
    expect(message({ UPSTASH_REDIS_REST_URL: URL })).toMatch(/UPSTASH_REDIS_REST_TOKEN is missing/)
    expect(message({ KV_REST_API_URL: URL })).toMatch(/KV_REST_API_TOKEN is missing/)
    expect(message({ UPSTASH_REDIS_REST_TOKEN: TOKEN })).toMatch(/REST_URL is missing/)
    expect(message({ ...upstash, UPSTASH_REDIS_REST_URL: "" })).toMatch(/REST_URL is missing/)
    expect(message({ ...upstash, UPSTASH_REDIS_REST_TOKEN: "" })).toMatch(/REST_TOKEN is missing/)
    for (const env of [upstash, { UPSTASH_REDIS_REST_TOKEN: TOKEN }])
      expect(message(env)).not.toContain(TOKEN)
  })

  test("reads the environment of the process by default", () => {
    expect(() => LockManager.fromEnv()).toThrow(/UPSTASH_REDIS_REST_URL is missing/)
    Object.assign(process.env, upstash)
    try {
      expect(LockManager.fromEnv()).toBeInstanceOf(LockManager)
    } finally {
      for (const name of Object.keys(upstash)) Reflect.deleteProperty(process.env, name)
    }
  })

  test("refuses the options that a manager refuses", () => {
    expect(() => LockManager.fromEnv(upstash, { ttl: 0 })).toThrow(/^ttl: /)
    expect(() => LockManager.fromEnv({ ...upstash, UPSTASH_REDIS_REST_URL: "a.b" })).toThrow(
      /^redis\.url: must begin with https:/,
    )
  })
})

describe("adopt", () => {
  const transfer: LockTransfer = { name: "a", token: "fl_a_b", ttlMs: 1_000 }

  test.for<[string, unknown, RegExp]>([
    ["nothing", undefined, /^transfer: must be a result of lock.transfer\(\), got undefined/],
    ["null", null, /^transfer: /],
    ["the JSON text of a transfer", JSON.stringify(transfer), /^transfer: .*got a string/],
    ["a token", transfer.token, /^transfer: /],
    ["a transfer without a name", { ...transfer, name: undefined }, /^transfer: /],
    ["a transfer without a token", { ...transfer, token: undefined }, /^transfer: /],
    ["a transfer with an empty token", { ...transfer, token: "" }, /^transfer: /],
    ["a stranger's token", { ...transfer, token: "stranger" }, /^transfer: /],
    ["a token with the mark of a queue", { ...transfer, token: "fl_a_b+" }, /^transfer: /],
    ["a transfer without a ttl", { ...transfer, ttlMs: undefined }, /^transfer: /],
    ["a transfer with a ttl as text", { ...transfer, ttlMs: "1s" }, /^transfer: /],
    ["a transfer with a fencing token as text", { ...transfer, fencingToken: "1" }, /^transfer: /],
    ["a transfer with no ttl at all", { ...transfer, ttlMs: 0 }, /^ttl: /],
    ["a transfer with an overlong name", { ...transfer, name: "a".repeat(40_000) }, /^name: /],
  ])("refuses %s, and does not repeat it", async ([, given, message]) => {
    const { locks, sent } = offline()
    const error = await rejection(locks.adopt(given as LockTransfer))
    expect((error as Error).message).toMatch(message)
    expect((error as Error).message).not.toContain("fl_")
    expect((error as Error).message).not.toContain("stranger")
    expect(sent).toEqual([])
  })

  test.for<[string, unknown]>([
    ["ttl", 0],
    ["renew", "yes"],
    ["renew", { maxHold: 1 }],
  ])("refuses %s with the value %o", async ([option, value]) => {
    const { locks, sent } = offline()
    const error = await rejection(locks.adopt(transfer, { [option]: value }))
    expect((error as Error).message).toMatch(new RegExp(`^${option}`))
    expect(sent).toEqual([])
  })
})

describe("the caller's objects", () => {
  test("are never changed: frozen options work, and options are read once", async () => {
    const { onEvent } = recorder()
    const redis = Object.freeze({ url: URL, token: TOKEN })
    const defaults = Object.freeze({ ttl: "20s", renew: Object.freeze({ maxHold: "1h" }) } as const)
    const { locks, sent } = offline(Object.freeze({ redis, onEvent, ...defaults }))
    const options = Object.freeze({ ttl: "10s", wait: 0, renew: false } as const)
    const lock = await locks.acquire("a", options)
    await lock.release()
    await locks.request("a", Object.freeze({ ifAvailable: true } as const), () => undefined)
    const message = Object.freeze((await locks.acquire("a", options)).transfer())
    await locks.adopt(message, Object.freeze({ renew: false }))
    expect(sent.length).toBeGreaterThan(5)
  })

  test("may change later without effect on managers and calls that used them", async () => {
    const options: { ttl: number } = { ttl: 20_000 }
    const { locks, sent } = offline(options)
    options.ttl = 40_000
    await locks.acquire("a")
    expect(argumentsOf(sent[0] ?? [])[1]).toBe("20000")
  })
})
