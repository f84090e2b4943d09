// A real Redis that refuses for a moment: a release and a waiter ride it out, and nothing stays locked.
import { Redis } from "ioredis"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { LockEvent } from "../../src/index.js"
import { recorder, until } from "../support/outcomes.js"
import { describeOnRedis, onRedis, type Opened } from "../support/variants.js"

type Order = readonly [string, ...string[]]

/** How a Redis comes to refuse, and back. */
const REFUSALS: readonly (readonly [kind: string, refuse: Order, recover: Order])[] = [
  ["READONLY", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]],
  [
    "NOREPLICAS",
    ["CONFIG", "SET", "min-replicas-to-write", "1"],
    ["CONFIG", "SET", "min-replicas-to-write", "0"],
  ],
  ["OOM", ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]],
  ["BUSY", ["EVAL", "while true do end", "0"], ["SCRIPT", "KILL"]],
]

describeOnRedis("a database that refuses for 400 ms", () => {
  let database: Opened
  const admins: Redis[] = []
  beforeAll(async () => {
    database = await onRedis.open()
    // One of them is busy with its endless script meanwhile.
    for (let i = 0; i < 2; i++) admins.push(new Redis(database.redisUrl ?? ""))
    await admins[0]?.config("SET", "busy-reply-threshold", "10")
  })
  afterAll(async () => {
    for (const admin of admins) admin.disconnect()
    await database.close()
  })

  test.for(REFUSALS)(
    "with %s releases the lock of a callback that ends meanwhile, and then grants it to the waiter",
    { timeout: 30_000 },
    async ([kind, refuse, recover]) => {
      const name = `refused ${kind}`
      const { onEvent, of } = recorder()
      const order = async (admin: number, [command, ...args]: Order) => {
        await admins[admin]?.call(command, ...args)
      }
      const waits: Promise<unknown>[] = []
      const working = database.locks({ onEvent }).request(name, async () => {
        waits.push(database.locks({ onEvent }).acquire(name, { wait: "20s" }))
        await until(() => of("queued").length === 1)
        await until(async () => (await database.locks().inspect(name)).waiting === 1)
        // The endless script has no reply until it is killed.
        void order(0, refuse).catch(() => undefined)
        await until(async () => (await refusalOf(database)) === kind)
        setTimeout(() => void order(1, recover), 400)
      })
      await working
      await Promise.all(waits)
      expect(of("release-failed")).toEqual([])
      expect(of("lost")).toEqual([])
      const ended = (event: LockEvent) => event.type === "released" && event.result === "released"
      expect(of("released").filter(ended)).toHaveLength(1)
    },
  )
})

/** The first word of the database's error for a write. */
async function refusalOf({ command }: Opened): Promise<string> {
  try {
    await command("SET", "probe", "1")
    return "none"
  } catch (error) {
    return (error as Error).message.split(" ", 1)[0] ?? ""
  }
}
