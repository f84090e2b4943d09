// Streams and messages from an adversary: never believed for longer than a lease, never buffered without a limit.
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { LockLostError, type LockManagerOptions } from "../../src/index.js"
import { readEventStream } from "../../src/redis/subscription.js"
import { RedisError } from "../../src/redis/redis-error.js"
import { readNotice } from "../../src/redis/replies.js"
import { abortion, recorder, rejection, until } from "../support/outcomes.js"
import { embedded, type Opened } from "../support/variants.js"
import { PATIENCE, runs } from "./runs.js"

/** The messages that a reader returns for these bytes, in these pieces. */
async function read(pieces: readonly Uint8Array[]) {
  const heard: string[] = []
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece)
      controller.close()
    },
  })
  const error = await rejection(
    readEventStream(body, "ch", {
      onConfirmed: () => heard.push("confirmed"),
      onMessage: (message) => heard.push(message),
    }),
  )
  return { heard, error }
}

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b)
  return [0, ...at].map((from, i) => bytes.slice(from, at[i]))
}

const text = fc.constantFrom(
  ...[
    "data: ",
    "data:",
    "message,",
    "subscribe,",
    "ch,",
    "granted ",
    "next ",
    "1 ",
    "\n",
    "\r\n",
    "\r",
  ],
  ...["\n\n", ": x", "\ufeff", "ü", "🔒", "\0", "event: y", "retry: 0", "id: 1", ",", "\u2028"],
)
const bytes = fc
  .array(
    fc.oneof(
      { weight: 5, arbitrary: text.map((part) => new TextEncoder().encode(part)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 8 }) },
    ),
    { maxLength: 30 },
  )
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])))

const number = fc.oneof(
  fc.constantFrom("", "NaN", "Infinity", "-1", "1e3", "0x10", "1.5", "9007199254740993", "０"),
  fc.integer().map(String),
  fc.bigInt().map(String),
  fc.string({ maxLength: 5 }),
)
const message = fc.oneof(
  fc.tuple(fc.constantFrom("granted", "next", "Granted", ""), fc.array(number, { maxLength: 5 })),
  fc.tuple(fc.string(), fc.array(number, { maxLength: 3 })),
)

interface Numbers {
  readonly micros: number
  readonly leaseMs: number
  readonly fencingToken: number | undefined
}

/** The messages that are not a grant for a waiter with a lease of three seconds and a ttl of thirty, if the server's time is `now`. */
const FORGERIES: Readonly<Record<string, (now: number) => string>> = {
  "a lease of an hour": (now) => `granted ${String(now)} 3600000 `,
  "a lease of a millisecond more": (now) => `granted ${String(now)} 3001 `,
  "a fencing token that was not asked for": (now) => `granted ${String(now)} 3000 5`,
  "a lease that is over": (now) => `granted ${String(now)} 0 `,
  "a negative lease": (now) => `granted ${String(now)} -3000 `,
  "a lease in hexadecimals": (now) => `granted ${String(now)} 0xb `,
  "a lease that is not a number": (now) => `granted ${String(now)} NaN `,
  "a time that is not finite": () => "granted Infinity 3000 ",
  "a time beyond all clocks": () => "granted 9007199254740993 3000 ",
  "a time long ago": () => "granted 5 3000 ",
  "no fencing token but a word": (now) => `granted ${String(now)} 3000 Infinity`,
  "no numbers": () => "granted",
  "less than nothing to wait for": () => "next -5",
  "a turn that never comes": () => "next 9007199254740991",
  "a turn after no number": () => "next 1e400",
  rubbish: () => "\0\ufffd{}[]",
}

export function hostileFrames(): void {
  test("any bytes, in any pieces, mean the same and end as a stream does", PATIENCE, async () => {
    const property = fc.asyncProperty(bytes, fc.array(fc.nat(1_000)), async (all, cuts) => {
      const whole = await read([all])
      expect(whole.error).toBeInstanceOf(RedisError)
      const pieces = await read(split(all, cuts))
      expect(pieces.heard).toEqual(whole.heard)
      expect(String(pieces.error)).toBe(String(whole.error))
    })
    await fc.assert(property, runs(400))
  })

  test("a line that never ends is read no further than the longest frame", async () => {
    let pulled = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1_024
        controller.enqueue(new Uint8Array(1_024).fill(120))
      },
    })
    const silent = { onConfirmed: () => undefined, onMessage: () => undefined }
    expect(await rejection(readEventStream(body, "ch", silent))).toBeInstanceOf(RedisError)
    expect(pulled).toBeLessThan(32_768)
  })

  test("a message contains integers, or nothing", () => {
    const property = fc.property(message, ([kind, numbers]) => {
      const notice = readNotice([kind, ...numbers].join(" "))
      if (notice === undefined) return
      const { micros, leaseMs, fencingToken } = { micros: 0, fencingToken: 0, ...notice } as Numbers
      expect([micros, leaseMs, fencingToken ?? 0].every(Number.isSafeInteger)).toBe(true)
    })
    fc.assert(property, runs(2_000) as never)
  })

  describe("an adversary that can publish to a waiter", () => {
    let database: Opened
    beforeAll(async () => {
      database = await embedded.open()
    })
    afterAll(() => database.close())

    /** A waiter, and its own channel. */
    async function waiter(name: string, options: Partial<LockManagerOptions> = {}) {
      const holder = await database.locks().acquire(name)
      const { onEvent, of } = recorder()
      const waiting = database.locks({ onEvent, ...options }).acquire(name, { wait: "30s" })
      await until(() => of("queued").length === 1)
      const { command } = database
      const [entry] = (await command("ZRANGE", `{lock:${name}}:queue`, "0", "0")) as [string]
      const [seconds, micros] = (await command("TIME")) as [string, string]
      const [channel = ""] = entry.split(" ")[1]?.split(".") ?? []
      await until(async () => {
        const counts = await command("PUBSUB", "NUMSUB", channel)
        return (counts as unknown[])[1] === 1
      })
      return {
        holder,
        waiting,
        of,
        now: Number(seconds) * 1_000_000 + Number(micros),
        // Waiters of a manager share a channel, and this one is its first.
        publish: (forged: string) => command("PUBLISH", channel, `1 ${forged}`),
      }
    }

    test.concurrent.for(Object.entries(FORGERIES))(
      "cannot make it believe %s, nor miss its own grant",
      async ([what, forge]) => {
        const { holder, waiting, of, now, publish } = await waiter(`forged: ${what}`)
        expect(await publish(forge(now))).toBe(1)
        await new Promise((resolve) => setTimeout(resolve, 300))
        expect(of("granted")).toEqual([])
        await holder.release()
        const lock = await waiting
        expect(await lock.release()).toBe("released")
      },
    )

    test("cannot withhold fencing tokens from a caller that requested them", async () => {
      const { holder, waiting, of, now, publish } = await waiter("unfenced", { fencing: true })
      await publish(`granted ${String(now)} 3000 `)
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(of("granted")).toEqual([])
      await holder.release()
      const lock = await waiting
      expect(lock.fencingToken).toBeGreaterThan(0)
      await lock.release()
    })

    test("can make it believe for a moment: until its first extension is answered", async () => {
      const { holder, waiting, now, publish } = await waiter("believed")
      await publish(`granted ${String(now)} 3000 `)
      const lock = await waiting
      expect(lock.remainingMs).toBeLessThan(3_000)
      const at = performance.now()
      expect(await abortion(lock.signal)).toBeInstanceOf(LockLostError)
      expect(performance.now() - at).toBeLessThan(2_500)
      // The real holder has lost nothing.
      await holder.extend()
      expect(await holder.release()).toBe("released")
    })
  })
}
