// The fixture of the scripts' tests: a database, a lock of their own, listeners on channels, and a check of all keys at the end.
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { FetchClient } from "../../src/redis/fetch-client.js"
import type { Subscription } from "../../src/redis/transport.js"
import { type HandOptions, LockByHand, type SendCommand } from "../support/waiter-by-hand.js"
import { type Database, type EngineName, openDatabase } from "../support/variants.js"

/** One lock, on a database that other tests use at the same time. */
export interface Bench {
  readonly lock: LockByHand
  readonly command: SendCommand
  /** The same lock, its scripts sent in another way. */
  readonly sent: (options: HandOptions) => LockByHand
  /** Listens on a channel through a stream; resolves when no message can be missed any more. */
  readonly hear: (channel: string) => Promise<readonly string[]>
}

/** A test with a lock of its own, after which no key may live for longer than it should. */
export type BenchTest = (claim: string, run: (bench: Bench) => Promise<void>) => void

/** The longest that each key may live after any of the tests. */
const LIVES = { lock: 30_000, queue: 30_000, seen: 30_000, fence: 86_400_000 } as const

/** Opens a database for the tests of the describe block that calls it. */
export function openBench(engine: EngineName): BenchTest {
  let database: Database | undefined
  let names = 0
  beforeAll(async () => {
    database = await openDatabase(engine)
  })
  afterAll(() => database?.close())
  return (claim, run) => {
    test(claim, async () => {
      if (!database) throw new Error("the database is not open yet")
      const { command } = database
      const { hear, close } = earsOn(database)
      const name = `script-${String(names++)}`
      const sent = (options: HandOptions) => new LockByHand(command, name, options)
      const lock = sent({})
      await run({ lock, command, sent, hear })
      close()
      await expectLives(lock)
    })
  }
}

/** Listens to channels of a database through streams, until they are closed. */
export function earsOn({ url, token }: Database): Pick<Bench, "hear"> & { close: () => void } {
  const streams: Subscription[] = []
  const hear = async (channel: string) => {
    const heard: string[] = []
    const listener = { onMessage: (text: string) => heard.push(text), onEnd: () => undefined }
    streams.push(await new FetchClient({ url, token }).subscribe(channel, listener, 5_000))
    return heard
  }
  const close = () => {
    for (const stream of streams) stream.close()
  }
  return { hear, close }
}

export async function expectLives(lock: LockByHand): Promise<void> {
  const remains = await lock.remains()
  for (const part of ["lock", "queue", "seen", "fence"] as const) {
    const life = remains[lock.key(part)]
    if (life === undefined) continue
    expect(life, part).toBeGreaterThanOrEqual(0)
    expect(life, part).toBeLessThanOrEqual(LIVES[part])
  }
}

/** How long a message may take. */
export const hearing = { withinMs: 2_000 }

/** The messages received, once there are as many as expected. */
export async function expectHeard(heard: readonly string[], ...expected: unknown[]): Promise<void> {
  await vi.waitFor(
    () => {
      expect(heard).toHaveLength(expected.length)
    },
    { timeout: hearing.withinMs, interval: 5 },
  )
  expect(heard).toEqual(expected)
}
