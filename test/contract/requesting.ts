// The contract of `request`: the lock is held while the callback runs, released after it, and its loss rejects the call.
import { expect, test } from "vitest"
import { type Lock, LockBackendError, LockLostError } from "../../src/index.js"
import { always, everything } from "../support/fault-proxy.js"
import { recorder, rejection, until } from "../support/outcomes.js"
import { holdAsStranger, type Lab } from "./lab.js"

/** A callback that runs until it is told to end. */
function endless() {
  let end: (value: string) => void = () => undefined
  const ended = new Promise<string>((resolve) => {
    end = resolve
  })
  return { callback: () => ended, end }
}

export function requesting(lab: () => Lab): void {
  test("calls made in one tick take effect in program order, and share a request", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const wanted = name()
    // Two requests could overtake each other: the first call would lose here.
    let requests = 0
    proxy.plan = () => (requests++ === 0 ? { kind: "request-delayed", ms: 300 } : undefined)
    const manager = locks({ wait: "30s" })
    const order: string[] = []
    const visit = (who: string) => manager.request(wanted, () => order.push(who))
    await Promise.all([visit("first"), visit("second"), visit("third")])
    expect(order[0]).toBe("first")
    expect(order).toHaveLength(3)
    expect(proxy.log[0]?.operations).toHaveLength(3)
  })

  test("all of its work is passed to waitUntil, up to the release, and never rejects", async () => {
    const { locks, name } = lab()
    const works: Promise<unknown>[] = []
    const waitUntil = (work: Promise<unknown>) => {
      works.push(work)
    }
    const failure = new Error("failed on purpose")
    const wanted = name()
    const options = { waitUntil }
    const failing = locks().request(wanted, options, () => Promise.reject(failure))
    await expect(failing).rejects.toBe(failure)
    expect(works.length).toBeGreaterThan(0)
    const later: Promise<unknown>[] = []
    const keep = (work: Promise<unknown>) => {
      later.push(work)
    }
    let isOver = false
    const { callback, end } = endless()
    let hasBegun = false
    const working = locks({ waitUntil: keep }).request(wanted, () => {
      hasBegun = true
      return callback()
    })
    await until(() => later.length > 0)
    void later[0]?.then(() => (isOver = true))
    await until(() => hasBegun)
    expect(isOver).toBe(false)
    end("done")
    await Promise.all([...works, ...later])
    expect(await working).toBe("done")
    expect(await (await locks().acquire(wanted, { wait: "5s" })).release()).toBe("released")
  })

  test("a release and the acquire after it in the same tick do not wait for each other", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const manager = locks()
    const lock = await manager.acquire(name())
    // Two requests could overtake each other: the release would lose here.
    let requests = 0
    proxy.plan = () => (requests++ === 0 ? { kind: "request-delayed", ms: 100 } : undefined)
    const [released, next] = await Promise.all([lock.release(), manager.tryAcquire(lock.name)])
    expect(released).toBe("released")
    expect(next?.remainingMs).toBeGreaterThan(0)
    await next?.release()
  })

  test("request holds the lock while the callback runs and releases it afterwards", async () => {
    const { locks, command, name } = lab()
    const wanted = name()
    const result = await locks().request(wanted, async (lock) => {
      expect(await command("GET", `lock:${wanted}`)).toBe(lock.token)
      expect(await locks().tryAcquire(wanted)).toBeNull()
      return "done"
    })
    expect(result).toBe("done")
    expect(await command("EXISTS", `lock:${wanted}`)).toBe(0)
  })

  test("request renews the lock while the callback runs, by default", async () => {
    const { locks, name } = lab()
    const { onEvent, of } = recorder()
    const wanted = name()
    await locks({ onEvent, ttl: 1_500 }).request(wanted, async () => {
      await until(() => of("renewed").length === 4)
    })
    const { callback } = endless()
    const options = { ttl: 1_200, renew: false }
    expect(await rejection(locks().request(name(), options, callback))).toMatchObject({
      name: "LockLostError",
      reason: "expired",
    })
  })

  test("request rejects with the error of the callback, and the lock is free", async () => {
    const { locks, command, name } = lab()
    const wanted = name()
    const failure = new Error("the work failed")
    const failing = locks().request(wanted, () => Promise.reject(failure))
    expect(await rejection(failing)).toBe(failure)
    expect(await command("EXISTS", `lock:${wanted}`)).toBe(0)
  })

  test("request with ifAvailable calls back with null if another caller holds the lock", async () => {
    const { locks, name } = lab()
    const held = await locks().acquire(name())
    const given: (Lock | null)[] = []
    const answer = await locks().request(held.name, { ifAvailable: true }, (lock) => {
      given.push(lock)
      return "missed"
    })
    expect(answer).toBe("missed")
    expect(given).toEqual([null])
    await held.release()
    await locks().request(held.name, { ifAvailable: true }, (lock) => given.push(lock))
    expect(given[1]).toMatchObject({ name: held.name })
  })

  test("request mints a fencing token on request", async () => {
    const { locks, name } = lab()
    const token = await locks().request(name(), { fencing: true }, (lock) => lock.fencingToken)
    expect(token).toBeGreaterThan(1e15)
  })

  test("a hold that is taken away rejects the request at once, while the callback still runs", async () => {
    const { locks, command, name } = lab()
    const { onEvent, of } = recorder()
    const { callback, end } = endless()
    const wanted = name()
    const requested = rejection(locks({ onEvent }).request(wanted, { ttl: "3s" }, callback))
    await until(async () => (await command("EXISTS", `lock:${wanted}`)) === 1)
    const value = await holdAsStranger(lab(), wanted, 30_000)
    expect(await requested).toMatchObject({ name: "LockLostError", reason: "taken" })
    expect(of("late-settled")).toEqual([])
    end("late")
    await until(() => of("late-settled").length > 0)
    expect(of("late-settled")).toEqual([
      { type: "late-settled", name: wanted, outcome: { status: "fulfilled", value: "late" } },
    ])
    expect(await command("GET", `lock:${wanted}`)).toBe(value)
  })

  test("a database that becomes unreachable ends the hold before its key expires", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const { onEvent, of } = recorder()
    const { callback } = endless()
    const wanted = name()
    const manager = locks({ onEvent, ttl: 2_000 })
    const requested = rejection(manager.request(wanted, callback))
    await until(() => of("renewed").length === 1)
    proxy.plan = everything({ kind: "request-lost" })
    expect(await requested).toBeInstanceOf(LockLostError)
    expect(await requested).toMatchObject({ reason: "unreachable" })
    expect(of("lost")).toMatchObject([{ name: wanted, reason: "unreachable" }])
  })

  test("a callback that rejects after the loss is reported as an event, not as an unhandled rejection", async () => {
    const { locks, name } = lab()
    const { onEvent, of } = recorder()
    const failure = new Error("gave up")
    const requested = locks({ onEvent }).request(
      name(),
      { ttl: 1_200, renew: false },
      (lock) =>
        new Promise((_, reject) => {
          lock.signal.addEventListener("abort", () => {
            setTimeout(reject, 20, failure)
          })
        }),
    )
    expect(await rejection(requested)).toMatchObject({ reason: "expired" })
    await until(() => of("late-settled").length === 1)
    expect(of("late-settled")[0]?.outcome).toEqual({ status: "rejected", reason: failure })
  })

  test("a failed release does not change the result of the request", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const { onEvent, of } = recorder()
    proxy.plan = always("release", { kind: "replaced", executed: false, status: 500, body: "" })
    const manager = locks({ onEvent, ttl: 1_500 })
    expect(await manager.request(name(), () => "done")).toBe("done")
    const failure = new Error("the work failed")
    const failing = manager.request(name(), () => Promise.reject(failure))
    expect(await rejection(failing)).toBe(failure)
    await until(() => of("release-failed").length === 2)
    expect(of("release-failed")[0]?.error).toBeInstanceOf(LockBackendError)
  })

  test("a lock kept by the callback stays held after the request", async () => {
    const { locks, command, name } = lab()
    const wanted = name()
    await locks().request(wanted, (lock) => lock.keep("1m"))
    expect(Number(await command("PTTL", `lock:${wanted}`))).toBeGreaterThan(50_000)
  })

  test("a lock transferred by the callback stays held after the request", async () => {
    const { locks, command, name } = lab()
    const transfer = await locks().request(name(), (lock) => lock.transfer())
    expect(await command("GET", `lock:${transfer.name}`)).toBe(transfer.token)
  })

  test("a lock released by the callback is released once", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const options = { keyLocking: false }
    expect(await locks(options).request(name(), (lock) => lock.release())).toBe("released")
    expect(proxy.seen("release")).toHaveLength(1)
  })
}
