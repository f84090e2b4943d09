// Many `fetchlock run`s at once on one name: each has its turn, in the order of arrival. `CROWD=200` tries it with 200 processes.
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { until } from "../support/outcomes.js"
import { type Database, openDatabase } from "../support/variants.js"
import { FetchlockCommand } from "./fetchlock-command.js"

const CROWD = Number(process.env["CROWD"] ?? 20)
const TIMEOUT = 30_000 + CROWD * 3_000

let database: Database
let locks: LockManager
let folder: string
const commands: FetchlockCommand[] = []

beforeAll(async () => {
  database = await openDatabase("embedded engine")
  locks = new LockManager({ redis: database })
  folder = await mkdtemp(join(tmpdir(), "fetchlock-cli-"))
})
afterAll(async () => {
  // A test that failed must not leave them behind.
  for (const command of commands) command.kill("SIGKILL")
  await database.close()
  await rm(folder, { recursive: true, force: true })
})

test(
  `${CROWD} runs at once are served one at a time, in order, and none is left`,
  { timeout: TIMEOUT },
  async () => {
    const log = join(folder, "log")
    const gate = await locks.acquire("crowd")
    const script = 'echo "in $PPID $$" >> "$0"; sleep 0.01; echo "out $PPID $$" >> "$0"'
    for (let i = 0; i < CROWD; i++) {
      const args = ["run", "crowd", "--", "sh", "-c", script, log]
      commands.push(new FetchlockCommand(database, args))
    }
    await until(async () => (await locks.inspect("crowd")).waiting === CROWD, { timeout: TIMEOUT })
    const { pending } = await locks.query({ name: "crowd" })
    const queue = pending.map(({ clientId }) => /-(\d+)-\w+$/.exec(clientId)?.[1])
    await gate.release()
    for (const command of commands) expect(await command.ended).toMatchObject({ code: 0, out: "" })

    const lines = (await readFile(log, "utf8"))
      .trim()
      .split("\n")
      .map((line) => line.split(" "))
    const entered = lines.filter(([what]) => what === "in")
    expect(lines.map(([what]) => what)).toEqual(commands.flatMap(() => ["in", "out"]))
    expect(entered.map(([, run]) => run)).toEqual(queue)
    for (const [, , pid] of entered) expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH")
    expect(await database.command("KEYS", "*crowd*")).toEqual(["{lock:crowd}:fence"])
  },
)
