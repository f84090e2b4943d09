// The commands that show locks, wait for them and end their holds.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { resolve } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { always, FaultProxy, inOrder } from "../support/fault-proxy.js"
import { until } from "../support/outcomes.js"
import { type Database, openDatabase } from "../support/variants.js"
import { fetchlock, FetchlockCommand } from "./fetchlock-command.js"

let database: Database
let locks: LockManager

beforeAll(async () => {
  database = await openDatabase("embedded engine")
  locks = new LockManager({ redis: database, clientId: "tester" })
})
afterAll(() => database.close())

interface Listed {
  readonly name: string
  readonly holders: readonly object[]
  readonly waiters: readonly object[]
  readonly fencingToken: number | null
}

const json = async (...args: string[]) => {
  const { code, out, err } = await fetchlock(database, [...args, "--json"])
  expect({ code, err }).toEqual({ code: 0, err: "" })
  expect(out.trimEnd()).not.toContain("\n")
  return JSON.parse(out) as unknown
}

const number = expect.any(Number) as unknown

describe("`fetchlock ls`", () => {
  test("lists holders and waiters with times, reasons and fencing tokens", async () => {
    const holder = new FetchlockCommand(database, [
      ...["run", "listed:b", "--reason", "release 42"],
      ...["--", "sleep", "60"],
    ])
    await until(async () => (await locks.inspect("listed:b")).isHeld)
    const waiter = new FetchlockCommand(database, [
      "run",
      "listed:b",
      "--reason",
      "next",
      "--",
      "true",
    ])
    await waiter.prints(/waiting/)
    await using shared = await locks.acquire("listed:a", { mode: "shared" })
    await database.command("SET", "lock:listed:c", "a plain value")
    // Notes travel by themselves.
    await until(async () => ((await database.command("KEYS", "*:note:*")) as string[]).length === 2)

    const { locks: listed } = (await json("ls")) as { locks: Listed[] }
    expect(listed).toEqual([
      {
        name: "listed:a",
        holders: [{ clientId: "tester", mode: "shared", remainingMs: number }],
        waiters: [],
        fencingToken: null,
      },
      {
        name: "listed:b",
        holders: [
          {
            clientId: expect.stringMatching(/^[\w-]+-\d+-[0-9a-f]{6}$/) as unknown,
            mode: "exclusive",
            remainingMs: number,
            reason: "release 42",
          },
        ],
        waiters: [
          {
            clientId: expect.any(String) as unknown,
            mode: "exclusive",
            place: 0,
            waitedMs: number,
            reason: "next",
          },
        ],
        fencingToken: number,
      },
      {
        name: "listed:c",
        holders: [{ clientId: "", mode: "exclusive", remainingMs: null }],
        waiters: [],
        fencingToken: null,
      },
    ])
    const { out } = await fetchlock(database, ["ls"])
    expect(out).toMatch(/^NAME +MODE +HOLDER +LEFT +WAITING +REASON\n/)
    expect(out).toMatch(/^listed:b +exclusive +[\w-]+ +[\d.]+s +1 +release 42$/m)
    expect(out).toMatch(/^listed:c +exclusive +\(another program\) +no limit +0$/m)

    const shown = await fetchlock(database, ["inspect", "listed:b"])
    expect(shown.out).toMatch(
      /^"listed:b" is held, and 1 caller waits\nThe last fencing token is \d+\.\n/,
    )
    expect(shown.out).toMatch(/^1 +[\w-]+ +exclusive +[\d.]+s +next$/m)
    waiter.kill("SIGTERM")
    holder.kill("SIGTERM")
    await Promise.all([waiter.ended, holder.ended])
    // What the two had to say is gone with them.
    expect(await database.command("KEYS", "*:note:*")).toEqual([])
    await database.command("DEL", "lock:listed:c")
    expect(shared.remainingMs).toBeGreaterThan(0)
  })

  test("shows names and reasons that contain escape sequences without obeying them", async () => {
    const evil = "evil\u001b[2J\u001b]0;title\u0007\nfake line\u009b31m\u202e\u2028"
    const command = new FetchlockCommand(database, [
      "run",
      evil,
      "--reason",
      evil,
      "--",
      "sleep",
      "60",
    ])
    await until(async () => (await locks.inspect(evil)).isHeld)
    for (const args of [["ls"], ["ls", "--json"], ["inspect", evil], ["inspect", evil, "--json"]]) {
      const { out } = await fetchlock(database, args)
      expect(out).toContain("evil")
      // eslint-disable-next-line no-control-regex -- these are what must not occur
      expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e]/)
      expect(out).not.toMatch(/^fake line/m)
      if (!args.includes("--json")) continue
      const value = JSON.parse(out) as { name?: string; locks?: Listed[] }
      expect(value.name ?? value.locks?.find(({ name }) => name === evil)?.name).toBe(evil)
    }
    command.kill("SIGTERM")
    await command.ended
  })

  test("says so if it did not list everything", async () => {
    for (let i = 0; i < 5; i++) await database.command("SET", `many:${i}`, "x", "PX", "60000")
    const { out, err } = await fetchlock(database, ["ls", "--prefix", "many:", "--limit", "3"])
    expect(out.split("\n")).toHaveLength(1 + 3 + 1)
    expect(err).toBe("fetchlock: more than 3 locks, holders or waiters: --limit shows more\n")
  })

  test.runIf(existsSync("/dev/full"))(
    "ends with 74 and one line if its output cannot be written",
    async () => {
      // The disk is full.
      const main = resolve("dist/cli/main.cjs")
      const env = {
        ...process.env,
        UPSTASH_REDIS_REST_URL: database.url,
        UPSTASH_REDIS_REST_TOKEN: database.token,
      }
      const child = spawn("sh", ["-c", '"$0" "$1" ls >/dev/full', process.execPath, main], { env })
      let err = ""
      child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text))
      const [code] = (await once(child, "close")) as [number | null]
      expect({ code, err }).toEqual({
        code: 74,
        err: "fetchlock: cannot write the output: ENOSPC\n",
      })
    },
  )

  test("ends well if its reader has read enough", async () => {
    const command = new FetchlockCommand(database, ["ls", "--prefix", "many:"])
    command.child.stdout?.destroy()
    expect(await command.ended).toMatchObject({ code: 0, err: "" })
  })
})

describe.concurrent("`fetchlock inspect`", () => {
  test("shows a free lock", async () => {
    expect(await json("inspect", "nobody's")).toEqual({
      name: "nobody's",
      holders: [],
      waiters: [],
      fencingToken: null,
    })
    const { out } = await fetchlock(database, ["inspect", "nobody's"])
    expect(out).toBe('"nobody\'s" is free, and no callers wait\n')
  })

  test("changes nothing", async () => {
    const proxy = await FaultProxy.open(database.url)
    const { url } = proxy
    await fetchlock({ ...database, url }, ["inspect", "untouched"])
    expect(proxy.log.map(({ operations }) => operations)).toEqual([["snapshot"]])
    expect(await database.command("KEYS", "*untouched*")).toEqual([])
    await proxy.close()
  })
})

describe.concurrent("`fetchlock wait`", () => {
  test("returns at once if the lock is free", async () => {
    expect(await fetchlock(database, ["wait", "open"])).toMatchObject({ code: 0, out: "", err: "" })
    expect(await json("wait", "open")).toMatchObject({ name: "open", isFree: true })
  })

  test("returns when nobody holds the lock or waits for it, and takes no turn", async () => {
    const first = await locks.acquire("barrier")
    const second = locks.acquire("barrier")
    await until(async () => (await locks.inspect("barrier")).waiting === 1)
    const command = new FetchlockCommand(database, ["wait", "barrier"])
    await new Promise((resolve) => setTimeout(resolve, 800))
    await first.release()
    const lock = await second
    await new Promise((resolve) => setTimeout(resolve, 800))
    expect(command.child.exitCode).toBeNull()
    await lock.release()
    expect(await command.ended).toMatchObject({ code: 0, out: "", err: "" })
  })

  test("does not return while the lock is free and about to go to a waiter", async () => {
    const queue = "{lock:between}:queue"
    await database.command("ZADD", queue, "1", "a waiter")
    const command = new FetchlockCommand(database, ["wait", "between", "--json"])
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(command.child.exitCode).toBeNull()
    await database.command("DEL", queue)
    expect(await command.ended).toMatchObject({ code: 0 })
  })

  test("ends with 75, or with the code of your choice, if the lock stays held", async () => {
    await using lock = await locks.acquire("closed")
    const ended = await fetchlock(database, ["wait", "closed", "--wait", "300ms"])
    expect(ended).toMatchObject({ code: 75, out: "" })
    expect(ended.err).toMatch(/^fetchlock: "closed" is still held or awaited \(waited \d+ ms\)\n$/)
    const args = ["wait", "closed", "--wait", "0", "--conflict-exit-code", "9", "--json"]
    const { code, out } = await fetchlock(database, args)
    expect(code).toBe(9)
    expect(JSON.parse(out)).toMatchObject({ isFree: false })
    expect(lock.remainingMs).toBeGreaterThan(0)
  })
})

describe.concurrent("`fetchlock release --force`", () => {
  test("ends the hold and lets the next waiter continue", async () => {
    const lock = await locks.acquire("ended", { watch: true })
    const next = locks.acquire("ended")
    await until(async () => (await locks.inspect("ended")).waiting === 1)
    const { code, out } = await fetchlock(database, ["release", "ended", "--force"])
    expect({ code, out }).toEqual({ code: 0, out: '"ended": ended the hold of tester\n' })
    await until(() => lock.signal.aborted)
    expect(await (await next).release()).toBe("released")
  })

  test("ends the hold that it has seen, or looks again: it prints whose hold it has ended", async () => {
    const first = await locks.acquire("handed")
    const proxy = await FaultProxy.open(database.url)
    try {
      proxy.plan = inOrder("steal", { kind: "request-delayed", ms: 1_500 })
      const { url } = proxy
      const args = ["release", "handed", "--force"]
      const command = new FetchlockCommand({ ...database, url }, args)
      await until(() => proxy.seen("steal").length > 0)
      await first.release()
      const next = new LockManager({ redis: database, clientId: "successor" })
      await using second = await next.acquire("handed", { watch: true })
      expect(await command.ended).toMatchObject({
        code: 0,
        out: '"handed": ended the hold of successor\n',
      })
      await until(() => second.signal.aborted)
    } finally {
      await proxy.close()
    }
  })

  test("ends a hold although the reply is lost, and leaves no hold of its own", async () => {
    await using lock = await locks.acquire("unheard", { watch: true })
    const proxy = await FaultProxy.open(database.url)
    try {
      proxy.plan = inOrder("steal", { kind: "reply-lost" })
      const { url } = proxy
      const place = { ...database, url }
      const { code, out } = await fetchlock(place, ["release", "unheard", "--force"])
      expect({ code, out }).toEqual({ code: 0, out: '"unheard": ended the hold of tester\n' })
      await until(() => lock.signal.aborted)
      expect((await locks.inspect("unheard")).isHeld).toBe(false)
      proxy.plan = always("steal", { kind: "reply-lost" })
      await locks.acquire("unheard")
      expect((await fetchlock(place, ["release", "unheard", "--force"])).code).toBe(69)
      expect((await locks.inspect("unheard")).isHeld).toBe(false)
    } finally {
      await proxy.close()
    }
  })

  test("ends all holds of a shared lock", async () => {
    const shared = { mode: "shared", watch: true } as const
    const [one, two] = [await locks.acquire("both", shared), await locks.acquire("both", shared)]
    const { code, out } = await fetchlock(database, ["release", "both", "--force"])
    expect({ code, out }).toEqual({ code: 0, out: '"both": ended the hold of tester, tester\n' })
    await until(() => one.signal.aborted && two.signal.aborted)
  })

  test("says so if the lock is not held", async () => {
    const { code, out } = await fetchlock(database, ["release", "idle", "--force"])
    expect({ code, out }).toEqual({ code: 0, out: '"idle" is not held\n' })
    expect(await json("release", "idle", "--force")).toEqual({ name: "idle", ended: [] })
    expect(await database.command("KEYS", "*idle*")).toEqual([])
  })
})
