// The rules of the Web Locks standard that `request` keeps, one test each, in the order of its steps.
// https://w3c.github.io/web-locks/#api-lock-manager-request
import { getEventListeners } from "node:events"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { LockManager } from "../../src/index.js"
import { Lock } from "../../src/hold/lock.js"
import { always } from "../support/fault-proxy.js"
import { recorder, rejection, until } from "../support/outcomes.js"
import { embedded, type Opened } from "../support/variants.js"

let database: Opened
let names = 0
const name = () => `request-${String(names++)}`

beforeAll(async () => {
  database = await embedded.open()
})
afterAll(() => database.close())

/** `request` as a caller without types may call it. */
type Untyped = (...args: unknown[]) => Promise<unknown>

function untyped(locks: LockManager = database.locks()): Untyped {
  return (...args) => (locks.request as Untyped).apply(locks, args)
}

const callback = () => "called"

/** Fails if the call throws instead of returning a promise. */
async function refusalOf(...args: unknown[]): Promise<unknown> {
  let promise: unknown
  expect(() => (promise = untyped()(...args))).not.toThrow()
  expect(promise).toBeInstanceOf(Promise)
  return rejection(promise as Promise<unknown>)
}

describe("the types of the arguments", () => {
  test.for<[string, unknown[]]>([
    ["nothing", []],
    ["no callback", ["a"]],
    ["a callback that is undefined", ["a", undefined]],
    ["a callback that is null", ["a", null]],
    ["a callback that is text", ["a", "callback"]],
    ["options without a callback", ["a", {}]],
    ["options and a callback that is undefined", ["a", {}, undefined]],
    ["options and a callback that is not a function", ["a", {}, {}]],
    ["a callback and then options", ["a", callback, {}]],
    ["options that are text", ["a", "exclusive", callback]],
    ["options that are a number", ["a", 5, callback]],
    ["a mode that does not exist", ["a", { mode: "upgrade" }, callback]],
    ["a mode that is not text", ["a", { mode: 1 }, callback]],
    ["a mode that is null", ["a", { mode: null }, callback]],
    ["a signal that is not an AbortSignal", ["a", { signal: {} }, callback]],
    ["a signal that is null", ["a", { signal: null }, callback]],
    ["a name that is not text", [5, callback]],
    ["a name that is undefined", [undefined, callback]],
  ])("%s is a TypeError, as a rejection", async ([, args]) => {
    expect(await refusalOf(...args)).toBeInstanceOf(TypeError)
  })

  test("if options was not passed, its members are the defaults", async () => {
    const seen: unknown[] = []
    await untyped()(name(), (lock: Lock) => seen.push(lock.mode))
    await untyped()(name(), undefined, (lock: Lock) => seen.push(lock.mode))
    await untyped()(name(), null, (lock: Lock) => seen.push(lock.mode))
    await untyped()(name(), {}, (lock: Lock) => seen.push(lock.mode))
    expect(seen).toEqual(["exclusive", "exclusive", "exclusive", "exclusive"])
  })

  test("a member that is undefined counts as absent", async () => {
    const options = { mode: undefined, ifAvailable: undefined, steal: undefined, signal: undefined }
    expect(await untyped()(name(), options, callback)).toBe("called")
  })
})

describe("a rejection with a NotSupportedError", () => {
  const notSupported = async (...args: unknown[]) => {
    const error = await refusalOf(...args)
    expect(error).toBeInstanceOf(DOMException)
    expect(error).toMatchObject({ name: "NotSupportedError" })
    return (error as DOMException).message
  }
  const signal = new AbortController().signal

  test("happens if name starts with a hyphen", async () => {
    expect(await notSupported("-", callback)).toMatch(/^name: must not begin with a hyphen/)
    await notSupported("-a", callback)
    await notSupported("-a", {}, callback)
    expect(await untyped()("a-", callback)).toBe("called")
    expect(await untyped()("–a", callback)).toBe("called")
  })

  test("happens if both steal and ifAvailable are true", async () => {
    const options = { steal: true, ifAvailable: true }
    expect(await notSupported("a", options, callback)).toMatch(/^steal: .*ifAvailable/)
  })

  test("happens if steal is true and mode is not exclusive", async () => {
    const options = { steal: true, mode: "shared" }
    expect(await notSupported("a", options, callback)).toMatch(/^steal: needs the exclusive mode/)
  })

  test("happens if signal exists and either of steal or ifAvailable is true", async () => {
    const message = /^signal: cannot be combined with steal or ifAvailable/
    expect(await notSupported("a", { signal, steal: true }, callback)).toMatch(message)
    expect(await notSupported("a", { signal, ifAvailable: true }, callback)).toMatch(message)
    expect(await untyped()(name(), { signal, ifAvailable: false }, callback)).toBe("called")
  })

  test("happens before the signal's own abort is checked", async () => {
    const aborted = AbortSignal.abort()
    await notSupported("a", { signal: aborted, ifAvailable: true }, callback)
    await notSupported("-a", { signal: aborted }, callback)
  })

  test("does not happen for a signal that is the manager's default", async () => {
    const locks = database.locks({ signal })
    expect(await locks.request(name(), { ifAvailable: true }, callback)).toBe("called")
  })
})

describe("the signal", () => {
  test("if it is aborted, the promise is rejected with its abort reason", async () => {
    const reason = { any: "thing" }
    const calls: unknown[] = []
    const signal = AbortSignal.abort(reason)
    const error = await refusalOf(name(), { signal }, () => calls.push("called"))
    expect(error).toBe(reason)
    expect(calls).toEqual([])
  })

  test("if it is aborted without a reason, that is an AbortError", async () => {
    const error = await refusalOf(name(), { signal: AbortSignal.abort() }, callback)
    expect(error).toMatchObject({ name: "AbortError" })
  })

  test("if it is aborted before the grant, the promise is rejected and the callback is never called", async () => {
    const { onEvent, of } = recorder()
    const held = await database.locks().acquire(name())
    const controller = new AbortController()
    const calls: unknown[] = []
    const waiting = rejection(
      database.locks({ onEvent }).request(held.name, { signal: controller.signal }, (lock) => {
        calls.push(lock)
      }),
    )
    await until(() => of("queued").length === 1)
    controller.abort("enough")
    expect(await waiting).toBe("enough")
    await held.release()
    expect(await database.locks().tryAcquire(held.name)).not.toBeNull()
    expect(calls).toEqual([])
  })

  test("if it is aborted while the grant is on its way, the callback is never called and the lock is free", async () => {
    const { proxy, locks } = await database.proxied()
    proxy.plan = always("claim", { kind: "reply-delayed", ms: 300 })
    const controller = new AbortController()
    const wanted = name()
    const calls: unknown[] = []
    const { signal } = controller
    const waiting = rejection(locks().request(wanted, { signal }, () => calls.push("called")))
    await until(() => proxy.log.length === 1)
    controller.abort("enough")
    expect(await waiting).toBe("enough")
    await until(() => proxy.seen("release").length === 1)
    await until(async () => (await database.command("EXISTS", `lock:${wanted}`)) === 0)
    expect(calls).toEqual([])
  })

  test("once the lock has been granted, it is ignored", async () => {
    const controller = new AbortController()
    const { signal } = controller
    const wanted = name()
    const result = await database.locks().request(wanted, { signal }, async (lock) => {
      controller.abort("enough")
      expect(getEventListeners(signal, "abort")).toEqual([])
      expect(lock.signal.aborted).toBe(false)
      return database.command("EXISTS", `lock:${wanted}`)
    })
    expect(result).toBe(1)
  })
})

describe("ifAvailable", () => {
  test("if it is true and the request is not grantable, the callback is invoked with null as the only argument", async () => {
    const held = await database.locks().acquire(name())
    const options = { ifAvailable: true }
    expect(await untyped()(held.name, options, (...args: unknown[]) => args)).toEqual([null])
  })

  test("the promise is resolved with what that callback returned, or rejected with what it threw", async () => {
    const held = await database.locks().acquire(name())
    const request = (given: () => unknown) => untyped()(held.name, { ifAvailable: true }, given)
    const failure = new Error("no")
    expect(await request(() => Promise.resolve("later"))).toBe("later")
    expect(await rejection(request(() => Promise.reject(failure)))).toBe(failure)
    const throwing = () => {
      throw failure
    }
    expect(await rejection(request(throwing))).toBe(failure)
  })

  test("if it is true and the request is grantable, the callback is invoked with the lock", async () => {
    const wanted = name()
    const lock = await untyped()(wanted, { ifAvailable: true }, (given: unknown) => given)
    expect(lock).toBeInstanceOf(Lock)
    expect(lock).toMatchObject({ name: wanted, mode: "exclusive" })
  })

  test("it does not wait, even if the manager has a default wait", async () => {
    const held = await database.locks().acquire(name())
    const locks = database.locks({ wait: "1h" })
    expect(await locks.request(held.name, { ifAvailable: true }, (lock) => lock)).toBeNull()
  })
})

describe("the callback", () => {
  const granted = (given: (lock: Lock) => unknown) => database.locks().request(name(), given)

  test("is invoked with the lock as the only argument", async () => {
    const args = await untyped()(name(), (...given: unknown[]) => given)
    expect(args).toHaveLength(1)
    expect((args as unknown[])[0]).toBeInstanceOf(Lock)
  })

  test("is never invoked before request has returned", async () => {
    const order: string[] = []
    const running = granted(() => order.push("callback"))
    order.push("returned")
    await running
    expect(order).toEqual(["returned", "callback"])
  })

  test("may return a value that is not a promise", async () => {
    expect(await granted(() => 5)).toBe(5)
    expect(await granted(() => undefined)).toBeUndefined()
    const thenable = {
      then: (resolve: (value: string) => void) => {
        resolve("then")
      },
    }
    expect(await granted(() => thenable)).toBe("then")
  })

  test("may throw at once: the promise is rejected with it and the lock is released", async () => {
    const wanted = name()
    for (const thrown of [new Error("no"), "text", undefined, null]) {
      const throwing = database.locks().request(wanted, () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- whatever it is
        throw thrown
      })
      expect(await rejection(throwing)).toBe(thrown)
      expect(await database.command("EXISTS", `lock:${wanted}`)).toBe(0)
    }
  })

  test("holds the lock until the promise that it returned settles, and no longer", async () => {
    const wanted = name()
    let settle: (value: string) => void = () => undefined
    const work = new Promise<string>((resolve) => {
      settle = resolve
    })
    const running = database.locks().request(wanted, () => work)
    await until(async () => (await database.command("EXISTS", `lock:${wanted}`)) === 1)
    settle("done")
    expect(await running).toBe("done")
    expect(await database.command("EXISTS", `lock:${wanted}`)).toBe(0)
  })

  test("is not called when the lock was not granted", async () => {
    const held = await database.locks().acquire(name())
    const calls: unknown[] = []
    const waiting = database.locks().request(held.name, { wait: 50 }, () => calls.push("called"))
    expect(await rejection(waiting)).toMatchObject({ name: "LockTimeoutError" })
    expect(calls).toEqual([])
  })
})

// https://w3c.github.io/web-locks/#algorithm-process-lock-request-queue
describe("the mode", () => {
  test("an exclusive request is grantable if no held lock has its name", async () => {
    const wanted = name()
    const reader = await database.locks().acquire(wanted, { mode: "shared" })
    const ask = () => database.locks().request(wanted, { ifAvailable: true }, (lock) => lock?.mode)
    expect(await ask()).toBeUndefined()
    await reader.release()
    expect(await ask()).toBe("exclusive")
  })

  test("a shared request is grantable if no held lock of its name is exclusive", async () => {
    const wanted = name()
    const options = { mode: "shared", ifAvailable: true } as const
    const ask = () => database.locks().request(wanted, options, (lock) => lock?.mode)
    const reader = await database.locks().acquire(wanted, { mode: "shared" })
    expect(await ask()).toBe("shared")
    await reader.release()
    const writer = await database.locks().acquire(wanted)
    expect(await ask()).toBeUndefined()
    await writer.release()
  })

  test("a request is grantable only if it is the first in its queue", async () => {
    const wanted = name()
    const reader = await database.locks().acquire(wanted, { mode: "shared" })
    const { onEvent, of } = recorder()
    const writing = database.locks({ onEvent }).request(wanted, () => "written")
    await until(() => of("queued").length === 1)
    const options = { mode: "shared", ifAvailable: true } as const
    expect(await database.locks().request(wanted, options, (lock) => lock)).toBeNull()
    await reader.release()
    expect(await writing).toBe("written")
  })
})

describe("steal", () => {
  test("if it is true, every held lock of that name is released, and its promise is rejected with an AbortError", async () => {
    const wanted = name()
    const holders = [1, 2].map(() =>
      rejection(
        database.locks().request(wanted, { mode: "shared", ttl: "3s" }, (lock) => {
          return new Promise((resolve) => {
            lock.signal.addEventListener("abort", resolve)
          })
        }),
      ),
    )
    const held = async () => (await database.locks().query({ name: wanted })).held.length
    await until(async () => (await held()) === 2)
    expect(await untyped()(wanted, { steal: true }, callback)).toBe("called")
    for (const error of await Promise.all(holders)) {
      expect(error).toMatchObject({ name: "AbortError" })
    }
  })

  test("if it is true, the request is granted before those that wait, and they stay in the queue", async () => {
    const held = await database.locks().acquire(name())
    const { onEvent, of } = recorder()
    const waiting = database.locks({ onEvent }).request(held.name, () => "waited")
    await until(() => of("queued").length === 1)
    const order = [untyped()(held.name, { steal: true }, () => "stolen"), waiting]
    expect(await Promise.race(order)).toBe("stolen")
    expect(await waiting).toBe("waited")
  })

  test("the callback of the previous holder continues, and its result changes nothing", async () => {
    const wanted = name()
    const { onEvent, of } = recorder()
    let finish: ((value: string) => void) | undefined
    const previous = database.locks({ onEvent }).request(
      wanted,
      { ttl: "3s" },
      () =>
        new Promise<string>((resolve) => {
          finish = resolve
        }),
    )
    await until(() => finish !== undefined)
    await untyped()(wanted, { steal: true }, callback)
    expect(await rejection(previous)).toMatchObject({ name: "AbortError" })
    finish?.("too late")
    await until(() => of("late-settled").length === 1)
  })
})

// https://w3c.github.io/web-locks/#dom-lockmanager-query
describe("query", () => {
  test("resolves with the held locks and the requests that are pending, by name, mode and client", async () => {
    const lock = await database.locks({ clientId: "one" }).acquire(name(), { mode: "shared" })
    const { onEvent, of } = recorder()
    const waiting = database.locks({ onEvent, clientId: "two" }).request(lock.name, callback)
    await until(() => of("queued").length === 1)
    const { held, pending } = await database.locks().query()
    const facts = { name: lock.name }
    expect(held).toContainEqual(
      expect.objectContaining({ ...facts, mode: "shared", clientId: "one" }),
    )
    expect(pending).toContainEqual(
      expect.objectContaining({ ...facts, mode: "exclusive", clientId: "two" }),
    )
    await lock.release()
    await waiting
  })
})
