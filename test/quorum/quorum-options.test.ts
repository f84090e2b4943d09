// The options that a quorum refuses, and the features that it does not have.
import { Redis } from "@upstash/redis"
import { expect, test } from "vitest"
import { LockManager, type LockManagerOptions, type RequestOptions } from "../../src/index.js"
import { quorum, type QuorumOptions } from "../../src/quorum/index.js"
import { rejection } from "../support/outcomes.js"

const [a, b, c] = ["a", "b", "c"].map((host) => ({ url: `https://${host}.example`, token: "t" }))
const three = [a, b, c] as { url: string; token: string }[]
const never = () => {
  throw new Error("nothing may be sent")
}

function manager(options: QuorumOptions = {}, more: Partial<LockManagerOptions> = {}) {
  return new LockManager({ redis: quorum(three, options), fetch: never, ...more })
}

test("a bare array of databases is refused, and the message names the alternative", () => {
  const redis = three as unknown as LockManagerOptions["redis"]
  expect(() => new LockManager({ redis })).toThrow(
    new TypeError(
      "redis: must be { url, token }, a client of @upstash/redis or quorum([…]), got an array",
    ),
  )
})

test.each([
  ["no array", { a }, "databases: must be an array, got an object"],
  ["nothing", undefined, "databases: must be an array, got undefined"],
  ["an empty one", [], "databases: must not be empty"],
  [
    "text",
    [a, "redis://secret"],
    "databases[1]: must be { url, token } or a client of @upstash/redis, got a string",
  ],
  [
    "a hole",
    [a, undefined, c],
    "databases[1]: must be { url, token } or a client of @upstash/redis, got undefined",
  ],
  [
    "a quorum in a quorum",
    [a, b, quorum(three)],
    "databases[2]: must be { url, token } or a client of @upstash/redis, got an object",
  ],
  [
    "one twice",
    [a, b, { ...a, url: "https://A.example/" }],
    "databases[2]: is a duplicate; each must be a different database",
  ],
])("databases that are %s are refused", (_, given, message) => {
  expect(() => quorum(given as never)).toThrow(message)
})

test("the same client twice is refused, two clients are accepted", () => {
  const redis = () => new Redis({ url: "https://d.example", token: "t" })
  const client = redis()
  expect(() => quorum([client, client])).toThrow(TypeError)
  expect(quorum([client, redis()])).toBeDefined()
})

test("an invalid option of one database is reported with its place, and without its secrets", () => {
  const open = (database: object) => () =>
    new LockManager({ redis: quorum([...three, database] as never) })
  expect(open({ url: "nonsense", token: "t" })).toThrow(/^databases\[3\]: redis\.url: must begin/)
  expect(open({ url: "https://d.example" })).toThrow(/^databases\[3\]: redis\.token: must be/)
  expect(open({ url: "https://d.example", token: "sec\nret" })).not.toThrow("ret")
})

test.each([
  [
    { quarantine: "soon" },
    TypeError,
    'quarantine: must be milliseconds or text such as "500ms", "30s" or "2m", got "soon"',
  ],
  [{ quarantine: true }, TypeError, "quarantine: must be milliseconds"],
  [{ quarantine: 0 }, RangeError, "quarantine: must be from 10 to"],
  [{ voteTimeout: 0 }, RangeError, "voteTimeout: must be from 1 to"],
  [{ voteTimeout: {} }, TypeError, "voteTimeout: must be milliseconds"],
  [7, TypeError, "options: must be an object, got 7"],
])("invalid options are refused: %j", (options, kind, message) => {
  const make = () => quorum(three, options as never)
  expect(make).toThrow(kind)
  expect(make).toThrow(message)
})

test("the caller's list and options may change afterwards", () => {
  const databases = [...three]
  const recipe = quorum(databases)
  databases.length = 0
  expect(() => new LockManager({ redis: recipe })).not.toThrow()
})

test("a ttl that is longer than the quarantine is refused in every call, and nothing is sent", async () => {
  const message = "ttl: must not exceed the quorum's quarantine (60000 ms)"
  const refused = async (call: () => unknown) => {
    const error = await rejection(Promise.resolve().then(call))
    expect(error).toBeInstanceOf(RangeError)
    expect((error as Error).message).toContain(message)
  }
  const ttl = "2m"
  const transfer = { name: "a", token: "fl_a_b-1", ttlMs: 120_000 }
  await refused(() => manager({}, { ttl }))
  await refused(() => manager().acquire("a", { ttl }))
  await refused(() => manager().tryAcquire("a", { ttl }))
  await refused(() => manager().request("a", { ttl }, () => 1))
  await refused(() => manager().adopt(transfer))
  expect(() => manager({ quarantine: "2m" }, { ttl })).not.toThrow()
  expect(() => manager({ quarantine: false }, { ttl: "1d" })).not.toThrow()
  // The default ttl is one, too.
  expect(() => manager({ quarantine: "10s" })).toThrow(/\(10000 ms\).* got 30000$/)
})

test("shared mode, steal and watch are refused, and the message says why", async () => {
  for (const options of [{ mode: "shared" }, { steal: true }, { watch: true }]) {
    const error = await rejection(
      manager().request("a", options as unknown as RequestOptions, () => 1),
    )
    expect(error).toMatchObject({ name: "NotSupportedError" })
    expect((error as Error).message).toContain(
      "not supported on a quorum: a majority of databases can agree on one holder",
    )
  }
})

test("a fetch applies to the built-in clients, and is refused if there are none", () => {
  const clients = ["d", "e"].map(
    (host) => new Redis({ url: `https://${host}.example`, token: "t" }),
  )
  expect(() => new LockManager({ redis: quorum([...three, ...clients]), fetch })).not.toThrow()
  expect(() => new LockManager({ redis: quorum(clients), fetch })).toThrow(
    "databases[0]: fetch: only for the built-in client",
  )
})
