// The promises of `once` about runs: never two at a time, and always a successor when a leader is gone.
import { afterAll, beforeAll, expect, test } from "vitest"
import {
  LockBackendError,
  LockClosedError,
  type LockEvent,
  LockLostError,
  type LockManager,
  LockTimeoutError,
} from "../../src/index.js"
import { once, OnceAttemptsError } from "../../src/once/index.js"
import { sleep } from "../../src/time/timers.js"
import { always, everything, inOrder } from "../support/fault-proxy.js"
import { rejection, until } from "../support/outcomes.js"
import type { Opened, Variant } from "../support/variants.js"
import { gathering } from "./gathering.js"

const LOST = { kind: "request-lost" } as const
/** For a busy machine. */
const PATIENT = { timeout: 10_000 }

export function leading(variant: Variant): void {
  let database: Opened
  beforeAll(async () => {
    database = await variant.open()
  })
  afterAll(() => database.close())

  /** A leader that has crashed: no one renews the rest of its hold. */
  const crash = (name: string, leftMs: number, attempt = 1) =>
    database.command(
      ...["SET", key(name, "run"), `fl_crashed_${attempt} ${attempt} - 60000`],
      ...["PX", String(60_000 + leftMs)],
    )

  const key = (name: string, part: string) => `{lock:${name}}:${part}`

  const isLed = (name: string, exists = 1) =>
    until(async () => (await database.command("EXISTS", key(name, "run"))) === exists, PATIENT)

  test("if a leader crashes, one waiter takes over, and the rest get its result", async () => {
    await crash("crashed", 3_000)
    const { onEvent, gathered } = gathering(3)
    let runs = 0
    const results = await Promise.all(
      [1, 2, 3].map(() =>
        once(database.locks({ onEvent }), "crashed", async () => {
          runs++
          await gathered
          return runs
        }),
      ),
    )
    expect({ runs, results }).toEqual({ runs: 1, results: [1, 1, 1] })
  })

  test("after the allowed number of crashes in a row, a call fails without a run", async () => {
    const options = { attempts: 2 } as const
    await crash("crashing", -1, 2)
    let runs = 0
    const error = await rejection(once(database.locks(), "crashing", options, () => runs++))
    expect(error).toBeInstanceOf(OnceAttemptsError)
    expect(error).toMatchObject({ code: "attempts", attempts: 2, onceName: "crashing" })
    expect(runs).toBe(0)
    // A call that allows more attempts runs, and its success resets the crashes.
    expect(await once(database.locks(), "crashing", { attempts: 3 }, () => "ran")).toBe("ran")
    expect(await once(database.locks(), "crashing", options, () => "ran again")).toBe("ran again")
  })

  test("a leader that is aborted frees the name, and the next one runs", async () => {
    const given = new AbortController()
    const { onEvent, gathered } = gathering(1)
    const stopped = once(database.locks(), "stopped", { signal: given.signal }, async () => {
      await new Promise((_, reject) => {
        given.signal.addEventListener("abort", () => {
          reject(new Error("stopped"))
        })
      })
    })
    const refused = rejection(stopped)
    await isLed("stopped")
    const next = once(database.locks({ onEvent }), "stopped", () => "next")
    await gathered
    given.abort(new Error("enough"))
    expect(await refused).toMatchObject({ message: "enough" })
    expect(await next).toBe("next")
  })

  test("a run that continues after its caller's abort is shared, and no second run starts", async () => {
    const given = new AbortController()
    const { onEvent, gathered } = gathering(1)
    const continuing: Promise<unknown>[] = []
    const waitUntil = (work: Promise<unknown>) => void continuing.push(work)
    let hasEnded = false
    const aborted = rejection(
      once(database.locks(), "going on", { signal: given.signal, waitUntil }, async () => {
        await gathered
        given.abort()
        await sleep(100)
        hasEnded = true
        return "first"
      }),
    )
    await isLed("going on")
    const joined = once(database.locks({ onEvent }), "going on", () => "second")
    expect(await aborted).toMatchObject({ name: "AbortError" })
    expect(hasEnded).toBe(false)
    // A Worker ends with what its waitUntil has.
    await Promise.all(continuing)
    expect(hasEnded).toBe(true)
    await isLed("going on", 0)
    expect(await joined).toBe("first")
  })

  test("a waiter may give up, and disturbs no one", async () => {
    const given = new AbortController()
    const { onEvent, gathered } = gathering(2)
    const locks = () => database.locks({ onEvent })
    const leading = once(locks(), "patient", async () => {
      await gathered
      given.abort(new Error("no more"))
      await sleep(50)
      return "done"
    })
    await isLed("patient")
    const late = rejection(once(database.locks(), "patient", { wait: 0 }, () => "never"))
    expect(await late).toBeInstanceOf(LockTimeoutError)
    const short = rejection(once(database.locks(), "patient", { wait: 30 }, () => "never"))
    expect(await short).toBeInstanceOf(LockTimeoutError)
    const waiting = once(locks(), "patient", () => "never")
    const leaving = rejection(once(locks(), "patient", { signal: given.signal }, () => "never"))
    expect(await leaving).toMatchObject({ message: "no more" })
    expect(await Promise.all([leading, waiting])).toEqual(["done", "done"])
  })

  test("a leader that has been replaced stores nothing, and learns that its hold is lost", async () => {
    const events: LockEvent[] = []
    const locks = database.locks({ onEvent: (event) => events.push(event) })
    const error = await rejection(
      once(locks, "replaced", { remember: "1m" }, async () => {
        await database.command("SET", key("replaced", "run"), "fl_other 1 - 60000", "PX", "90000")
        return "old"
      }),
    )
    expect(error).toBeInstanceOf(LockLostError)
    expect(error).toMatchObject({ reason: "taken" })
    expect(await database.command("EXISTS", key("replaced", "result"))).toBe(0)
    expect(await database.command("GET", key("replaced", "run"))).toBe("fl_other 1 - 60000")
  })

  test("a leader whose hold has ended stores nothing, and learns that", async () => {
    const error = await rejection(
      once(database.locks(), "ended", { remember: "1m" }, async () => {
        await database.command("DEL", key("ended", "run"))
        return "nobody's"
      }),
    )
    expect(error).toBeInstanceOf(LockLostError)
    expect(error).toMatchObject({ reason: "expired" })
    expect(await database.command("EXISTS", key("ended", "result"))).toBe(0)
  })

  test("the signal of the run's lock aborts if its hold is lost", async () => {
    const error = await rejection(
      once(database.locks(), "lost", { ttl: 2_000 }, async (lock) => {
        await database.command("DEL", key("lost", "run"))
        await new Promise((resolve) => {
          lock.signal.addEventListener("abort", resolve)
        })
      }),
    )
    expect(error).toBeInstanceOf(LockLostError)
  })

  test("a settle whose reply is lost is sent again and counts", async () => {
    const events: LockEvent[] = []
    const { proxy, locks } = await database.proxied()
    proxy.plan = inOrder("onceSettle", { kind: "reply-lost" })
    const onEvent = (event: LockEvent) => events.push(event)
    expect(await once(locks({ onEvent }), "again", { remember: "1m" }, () => "kept")).toBe("kept")
    await until(
      () => events.some((event) => event.type === "released" && event.result === "released"),
      PATIENT,
    )
    expect(await once(database.locks(), "again", () => "new")).toBe("kept")
  })

  test("a settle that never arrives changes nothing for its caller, and is reported as an event", async () => {
    const events: LockEvent[] = []
    const { proxy, locks } = await database.proxied()
    proxy.plan = always("onceSettle", LOST)
    const manager = locks({ onEvent: (event) => events.push(event), ttl: 2_000 })
    expect(await once(manager, "unsettled", () => "mine")).toBe("mine")
    await until(() => events.some(({ type }) => type === "release-failed"), PATIENT)
    expect(await once(database.locks(), "unsettled", () => "next")).toBe("next")
  })

  test("a claim whose reply is lost is sent again and leads; a duplicated claim leads only once", async () => {
    const { proxy, locks } = await database.proxied()
    proxy.plan = inOrder(
      "onceClaim",
      { kind: "reply-lost" },
      { kind: "doubled", ms: 300, answer: "first" },
    )
    expect(await once(locks(), "doubled", () => "first")).toBe("first")
    await sleep(400)
    // The duplicate came after the settle.
    expect(await database.command("EXISTS", key("doubled", "run"))).toBe(0)
    expect(await once(locks(), "doubled", () => "second")).toBe("second")
  })

  test("a caller that gives up its claim leaves no leader behind", async () => {
    const { proxy, locks } = await database.proxied()
    proxy.plan = inOrder("onceClaim", { kind: "reply-delayed", ms: 200 })
    const given = new AbortController()
    const { signal } = given
    const refused = rejection(once(locks(), "given up", { signal }, () => "never"))
    await sleep(100)
    given.abort()
    await refused
    await isLed("given up", 0)
  })

  // The fetch client cancels its requests, and a canceled one that arrives all the same leads until its ttl.
  test.runIf(variant.client === "@upstash/redis" || variant.name === "in this process")(
    "a claim that arrives after its call has given up is undone",
    async () => {
      const name = "late claim"
      const { proxy, locks } = await database.proxied()
      proxy.plan = inOrder("onceClaim", { kind: "request-delayed", ms: 2_000 })
      let end: (value: string) => void = () => undefined
      const leading = once(
        database.locks(),
        name,
        () => new Promise<string>((done) => (end = done)),
      )
      await isLed(name)
      const waiting = once(locks({ timeout: 300 }), name, { wait: 600 }, () => "never")
      expect(await rejection(waiting)).toBeInstanceOf(LockTimeoutError)
      end("over")
      await leading
      await until(() => proxy.log[0]?.answers.length === 1)
      await isLed(name, 0)
    },
  )

  test("a manager that is closed gives up its run and its waits, and others run instead", async () => {
    const { onEvent, gathered } = gathering(1)
    const closed = database.locks({ onEvent })
    let signal: AbortSignal | undefined
    const running = once(closed, "closed", async (lock) => {
      signal = lock.signal
      await new Promise(() => undefined)
    })
    running.catch(() => undefined)
    await isLed("closed")
    const joining = once(closed, "closed", () => "never")
    joining.catch(() => undefined)
    await gathered
    expect(await closed.releaseAll()).toEqual({ released: 1, failed: 0 })
    expect(await rejection(running)).toMatchObject({ code: "lost", reason: "released" })
    expect(signal?.aborted).toBe(true)
    expect(await rejection(joining)).toMatchObject({ code: "closed", lockName: "closed" })
    expect(await rejection(once(closed, "closed", () => 1))).toBeInstanceOf(LockClosedError)
    expect(await once(database.locks(), "closed", () => "ran")).toBe("ran")
  })

  test("a timeout says whether this manager runs it, whatever locks of the name it holds", async () => {
    const locks = database.locks()
    const lock = await locks.acquire("nested")
    const nested = once(locks, "nested", () => once(locks, "nested", { wait: 50 }, () => 1))
    const own = (await rejection(nested)) as LockTimeoutError
    expect(own.isHeldByThisManager).toBe(true)
    const outer = once(database.locks(), "nested", () =>
      rejection(once(locks, "nested", { wait: 50 }, () => 1)),
    )
    expect(await outer).toMatchObject({ code: "timeout", isHeldByThisManager: false })
    await lock.release()
  })

  describeFailOpen(() => database)

  function describeFailOpen(opened: () => Opened): void {
    const down = async (): Promise<LockManager> => {
      const { proxy, locks } = await opened().proxied()
      proxy.plan = everything(LOST)
      return locks({ timeout: 500 })
    }

    test("a database that is down is an error, or with failOpen a run without a lock", async () => {
      const locks = await down()
      expect(await rejection(once(locks, "down", () => 1))).toBeInstanceOf(LockBackendError)
      const run = (lock: unknown) => (lock === null ? "unshared" : "locked")
      expect(await once(locks, "down", { failOpen: true }, run)).toBe("unshared")
    })
  }
}
