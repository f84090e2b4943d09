// Databases with arbitrary replies: a call ends with an allowed result or a LockBackendError, and never with a hold that it does
// not have.
import fc from "fast-check"
import { expect, test } from "vitest"
import {
  type Fetch,
  LockBackendError,
  LockError,
  LockManager,
  type LockManagerOptions,
} from "../../src/index.js"
import { Lock } from "../../src/hold/lock.js"
import { healthyFetch, withNonce } from "../support/healthy-fetch.js"
import { quorum } from "../../src/quorum/index.js"
import { OF_ALL, OF_ONE, type Subject, TTL_MS } from "./operations.js"
import { PATIENCE, runs } from "./runs.js"

const TIMEOUT = 25
/** Longer than any of the calls may take, on a busy machine. */
const HANG_MS = 8_000

/** These end when the database says so, or after ten seconds: docs/security.md. */
const UNBOUNDED = ["query of all", "forceRelease"]

const WORDS = [
  ...["OK", "granted", "queued", "busy", "held", "taken", "gone", "released", "renewed"],
  ...["limit", "stolen", "young", "noted", "exclusive", "shared", "started", "0", "+", ""],
]

const scalar = fc.oneof(
  fc.constantFrom<unknown>(...WORDS),
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    1,
    -1,
    -2,
    5,
    20_000,
    -0.5,
    1e-7,
    1e21,
    2 ** 53,
    -(2 ** 53),
  ),
  fc.constantFrom<unknown>(
    "1700000000000000",
    "9007199254740993",
    "1e3",
    "0x10",
    "NaN",
    "Infinity",
  ),
  fc.constantFrom<unknown>({}, [], [[]], { toString: 1, valueOf: 1 }, { length: 5, 0: "granted" }),
  fc.integer(),
  fc.string(),
)
/** A word that decides, with noise around it. */
const list = fc
  .tuple(fc.constantFrom<unknown>(...WORDS, 0, -1), fc.array(scalar, { maxLength: 9 }))
  .map(([word, rest]) => [word, ...rest])
const result = fc.oneof(
  { weight: 4, arbitrary: list },
  { weight: 2, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(list, { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.jsonValue() },
)

const nest = (depth: number) => "[".repeat(depth) + "]".repeat(depth)
/** Text that a JSON parser could stumble over. */
const ODDITIES = [
  '{"result":null,"result":"OK"}',
  '{"result":"OK","error":"ERR no"}',
  '{"__proto__":{"result":"OK","polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}},"result":["granted",5,""]}',
  '{"result":{"__proto__":["granted",5,""],"length":3,"polluted":true}}',
  '{"result":["granted",1e999,""]}',
  '{"result":["released",{"__proto__":null},{"toString":1}]}',
  `{"result":["released",${nest(50_000)},${nest(50_000)}]}`,
  `{"result":["held",0,${nest(50_000)}]}`,
  `{"result":["busy",5,${nest(50_000)}]}`,
  `{"result":["0",[{"toString":1},${nest(50_000)}]]}`,
  `{"result":[[${nest(50_000)},5,"exclusive"],[]]}`,
  `{"result":${nest(200_000)}}`,
  `{"result":"${"OK".repeat(500_000)}"}`,
  `{"error":"${"fl_".repeat(300_000)}"}`,
  '"result"',
  "\u0000",
  "",
]
const body = fc.oneof(
  { weight: 8, arbitrary: result.map((value) => JSON.stringify({ result: value })) },
  { weight: 2, arbitrary: fc.constantFrom(...ODDITIES) },
)
const status = fc.oneof(
  { weight: 9, arbitrary: fc.constant(200) },
  { weight: 1, arbitrary: fc.constantFrom(201, 400, 401, 404, 429, 500, 503) },
)

/** The replies in turn, in a loop, to any request. */
const script = fc.array(fc.tuple(status, body), { minLength: 1, maxLength: 5 })
type Script = readonly (readonly [status: number, body: string])[]

const config = (i: number) => ({ url: `https://db-${String(i)}.example`, token: "t" })

interface Way {
  readonly redis: LockManagerOptions["redis"]
  readonly operations: typeof OF_ALL
}
const WAYS: Readonly<Record<string, Way>> = {
  "one database": { redis: config(0), operations: { ...OF_ALL, ...OF_ONE } },
  "a quorum": { redis: quorum([config(0), config(1), config(2)]), operations: OF_ALL },
}

/** A manager whose database was healthy when its lock was acquired, and then replies as scripted. */
async function subject(redis: Way["redis"], replies: Script) {
  const said: string[] = []
  let state: "healthy" | "hostile" | "over" = "healthy"
  const fetch: Fetch = (url, init) => {
    if (state !== "hostile") return healthyFetch(url, init)
    const [code, text] = replies[said.length % replies.length] ?? [200, ""]
    said.push(text)
    // Three of four replies have the nonce of the request, so that their content is read.
    const [, reply] = /^\{"result":(.*)\}$/s.exec(text) ?? []
    const isMade = reply !== undefined && said.length % 4 !== 0
    const sent = isMade ? `{"result":${withNonce(init.body as string, reply)}}` : text
    return Promise.resolve(new Response(sent, { status: code }))
  }
  const locks = new LockManager({ redis, fetch, timeout: TIMEOUT })
  const lock = await locks.acquire("a", { ttl: TTL_MS })
  state = "hostile"
  // Releases would be retried for as long as the ttl.
  const end = () => {
    state = "over"
  }
  return { locks, lock, said, end }
}

/** A call may reject with these: the database failed, or it reported in its own way that another caller has the lock. */
function mayReject(error: unknown, what: string): boolean {
  // Others share the lock with another limit than ours.
  if (error instanceof RangeError)
    return error.message.startsWith("permits: ") && /shared|sem/.test(what)
  return error instanceof LockError
}

async function outcome(run: (subject: Subject) => Promise<unknown>, of: Subject) {
  let timer: ReturnType<typeof setTimeout> | undefined
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error("it hangs"))
    }, HANG_MS)
  })
  try {
    return { value: await Promise.race([run(of), hang]) }
  } catch (error) {
    return { error }
  } finally {
    clearTimeout(timer)
  }
}

/** A hold that was granted: for no longer than requested, and only if some reply is a grant. */
function expectGrant(lock: Lock, said: readonly string[], what: string): void {
  expect(lock.remainingMs, what).toBeLessThanOrEqual(TTL_MS)
  const isGrant = (text: string) => /"granted"|"held"/.test(text)
  expect(said.some(isGrant), `${what} of ${said.join("\n")}`).toBe(true)
  expect(lock.fencingToken === undefined || Number.isSafeInteger(lock.fencingToken), what).toBe(
    true,
  )
}

export function hostileReplies(): void {
  test.for(Object.entries(WAYS))(
    "if %s replies, a call ends with an allowed result or a LockBackendError",
    PATIENCE,
    async ([, { redis, operations }]) => {
      const property = fc.asyncProperty(script, async (replies) => {
        const trials = Object.entries(operations).map(async ([what, run]) => {
          if (UNBOUNDED.includes(what)) return
          const { locks, lock, said, end } = await subject(redis, replies)
          const { value, error } = await outcome(run, { locks, lock })
          end()
          if (error !== undefined && !mayReject(error, what))
            throw new Error(what, { cause: error })
          if (value instanceof Lock) {
            // Adopted holds last as long as the database says.
            if (what !== "adopt") expectGrant(value, said, what)
            await value[Symbol.asyncDispose]()
          }
          if (what === "inspect" && value !== undefined) {
            const { remainingMs, waiting } = value as { remainingMs: number; waiting: number }
            expect(remainingMs >= 0 && waiting >= 0, what).toBe(true)
          }
          await lock[Symbol.asyncDispose]()
        })
        await Promise.all(trials)
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
      })
      await fc.assert(property, runs(20))
    },
  )

  test("text and numbers that no command returns are reported by their type", async () => {
    for (const oddity of ODDITIES) {
      const { locks, end } = await subject(config(0), [[200, oddity]])
      const { value, error } = await outcome(OF_ALL["tryAcquire with fencing"] as never, {
        locks,
        lock: undefined as never,
      })
      end()
      expect(value, oddity.slice(0, 80)).toBeUndefined()
      expect(error, oddity.slice(0, 80)).toBeInstanceOf(LockBackendError)
      expect((error as Error).message.length).toBeLessThan(400)
    }
  })
}
