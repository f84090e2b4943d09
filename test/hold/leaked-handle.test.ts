// A handle that nothing can reach any more stops renewing, so that its lock is free after about one ttl. A manager keeps no
// handle alive, and no handle a manager.
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Database, openDatabase } from "../support/variants.js"

let database: Database

beforeAll(async () => {
  database = await openDatabase("embedded engine")
})
afterAll(() => database.close())

/** Runs a program on the built package with a garbage collector that it can call, and returns its output. */
async function run(body: string): Promise<unknown> {
  const { url, token } = database
  const program = `
    import { LockManager } from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)}
    const events = []
    const onEvent = ({ type, reason }) => events.push(reason ? type + " " + reason : type)
    const redis = ${JSON.stringify({ url, token })}
    const locks = new LockManager({ redis, onEvent, ttl: 900 })
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const collect = async (ms) => {
      for (const end = Date.now() + ms; Date.now() < end; await wait(50)) gc()
    }
    const isHeld = async (name) => (await locks.inspect(name)).isHeld
    ${body}
  `
  const args = ["--expose-gc", "--input-type=module", "-e", program]
  return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout)
}

test("a handle that was dropped stops renewing, and its signal says why", async () => {
  const outcome = await run(`
    let signal
    const leak = async () => {
      const lock = await locks.acquire("leaked")
      signal = lock.signal
    }
    await leak()
    await wait(0)
    await collect(2_500)
    console.log(JSON.stringify({
      isHeld: await isHeld("leaked"),
      reason: signal.reason?.reason,
      last: events.at(-1),
    }))
  `)
  expect(outcome).toEqual({ isHeld: false, reason: "abandoned", last: "lost abandoned" })
})

test("a reachable handle is renewed by default, however often the garbage collector runs", async () => {
  const outcome = await run(`
    const lock = await locks.acquire("kept")
    await collect(2_500)
    const held = [await isHeld("kept"), lock.remainingMs > 0]
    console.log(JSON.stringify([...held, await lock.release(), events.includes("renewed")]))
  `)
  expect(outcome).toEqual([true, true, "released", true])
})

test("a request whose callback never settles holds its lock, although no one has the handle", async () => {
  const outcome = await run(`
    locks.request("leader", () => new Promise(() => {}))
    await collect(2_500)
    console.log(JSON.stringify(await isHeld("leader")))
  `)
  expect(outcome).toBe(true)
})

test("a manager that was dropped is collected, although its holds go on", async () => {
  const outcome = await run(`
    let handle
    const leak = async () => {
      const dropped = new LockManager({ redis, ttl: 900 })
      handle = await dropped.acquire("of a dropped manager")
      return new WeakRef(dropped)
    }
    const manager = await leak()
    await wait(0)
    await collect(1_500)
    console.log(JSON.stringify([manager.deref() === undefined, await isHeld("of a dropped manager")]))
    await handle.release()
    process.exit()
  `)
  expect(outcome).toEqual([true, true])
})
