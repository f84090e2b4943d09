// A process that is stopped in the middle of its wait, as by a laptop's lid or a frozen function: its database is healthy, so it
// must not report a failure, and must leave nothing behind.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { resolve } from "node:path"
import { createInterface } from "node:readline"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { until } from "../support/outcomes.js"
import { type Database, openDatabase } from "../support/variants.js"

let database: Database
beforeAll(async () => {
  database = await openDatabase("embedded engine")
})
afterAll(() => database.close())

/** Waits for the lock in a process of its own, and says in lines what happens. */
function startWaiter(name: string, push: boolean) {
  const { url, token } = database
  const program = `
    import { LockManager } from ${JSON.stringify(resolve("dist/index.js"))}
    const locks = new LockManager({ redis: ${JSON.stringify({ url, token })}, timeout: 500, push: ${String(push)} })
    try {
      const lock = await locks.acquire(${JSON.stringify(name)}, { wait: "2s" })
      await lock.release()
      console.log("granted")
    } catch (error) {
      console.log(error.name + ": " + error.message)
    }
  `
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  onTestFinished(() => {
    child.kill("SIGKILL")
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return { child, said: async () => (await lines.next()).value as string }
}

const pause = (ms: number) => new Promise((go) => setTimeout(go, ms))

test.each([
  ["with a stream, while the lock stays held", true, false],
  ["with a stream, while the lock is handed to it", true, true],
  ["by polling, while the lock stays held", false, false],
  ["by polling, while the lock is freed", false, true],
])(
  "a waiter that is stopped for longer than its wait, %s, times out or is granted the lock",
  async (_, push, isFreed) => {
    const name = `frozen ${String(push)} ${String(isFreed)}`
    const locks = new LockManager({ redis: database })
    const holder = await locks.acquire(name)
    const { child, said } = startWaiter(name, push)
    await until(async () => (await locks.inspect(name)).waiting === 1, { timeout: 10_000 })
    child.kill("SIGSTOP")
    if (isFreed) await holder.release()
    await pause(3_500)
    child.kill("SIGCONT")
    const outcome = await said()
    expect(outcome).toMatch(isFreed ? /^(granted$|LockTimeoutError: )/ : /^LockTimeoutError: /)
    if (child.exitCode === null) await once(child, "exit")
    // It has left its place, or given the lock back.
    await until(async () => (await locks.inspect(name)).waiting === 0)
    if (!isFreed) expect(await holder.release()).toBe("released")
    await until(async () => !(await locks.inspect(name)).isHeld)
  },
  30_000,
)
