// A semaphore: its calls to the manager, its name, and its permits.
import { expect, test } from "vitest"
import { Semaphore, type PermitCalls } from "../src/semaphore.js"

test("each call of a semaphore is the manager's, with the same arguments and the same result", async () => {
  const asked: unknown[] = []
  const call = (how: string) => (given: unknown) => {
    asked.push([how, given])
    return Promise.resolve(`a permit by ${how}`) as Promise<never>
  }
  const calls: PermitCalls = {
    acquire: call("acquire"),
    tryAcquire: call("tryAcquire"),
    request: call("request"),
  }
  const semaphore = new Semaphore("exports", 5, calls)
  expect(semaphore).toMatchObject({ name: "exports", permits: 5 })
  const callback = () => undefined
  expect(await semaphore.acquire({ wait: 700 })).toBe("a permit by acquire")
  expect(await semaphore.tryAcquire({ ttl: 900 })).toBe("a permit by tryAcquire")
  const requested: Promise<unknown> = semaphore.request({ ifAvailable: true }, callback)
  expect(await requested).toBe("a permit by request")
  expect(asked).toEqual([
    ["acquire", { wait: 700 }],
    ["tryAcquire", { ttl: 900 }],
    ["request", [{ ifAvailable: true }, callback]],
  ])
})
