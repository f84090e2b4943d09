// The guard while the handler runs: it renews the hold, and it notices a loss.
import { expect, test } from "vitest"
import { holdAsStranger, type Lab } from "../../contract/lab.js"
import { LockBackendError, LockLostError, LockTimeoutError } from "../../../src/index.js"
import { abortion, recorder, until } from "../../support/outcomes.js"
import { type Adapter, openWork, problemOf } from "./adapters.js"

export function holding({ guard }: Adapter, lab: () => Lab): void {
  test("the hold is renewed while the handler runs", async () => {
    const { locks, name } = lab()
    const { onEvent, of } = recorder()
    const { ask } = guard({ locks: locks({ onEvent }), name: name(), ttl: "3s" }, async () => {
      await until(() => of("renewed").length > 0)
      return new Response("done")
    })
    expect((await ask()).status).toBe(200)
  })

  test("shared requests run together, and apart from exclusive requests", async () => {
    const { locks, name } = lab()
    const options = { locks: locks(), name: name() }
    const writer = guard(options, () => new Response("written"))
    const refusals: number[] = []
    const second = guard({ ...options, mode: "shared" }, () => new Response("read too"))
    const first = guard({ ...options, mode: "shared" }, async (_, lock) => {
      refusals.push((await second.ask()).status, (await writer.ask()).status)
      return new Response(lock?.mode)
    })
    expect(await (await first.ask()).text()).toBe("shared")
    expect(refusals).toEqual([200, 423])
  })

  test("the options of a hold apply: ttl, fencing, renew", async () => {
    const { locks, name, command } = lab()
    const own = name()
    const options = { locks: locks(), name: own, ttl: "2m", fencing: true } as const
    const { ask } = guard(options, async (_, lock) =>
      Response.json([lock?.fencingToken, await command("PTTL", `lock:${own}`)]),
    )
    const [fence, left] = (await (await ask()).json()) as number[]
    expect(fence).toBeGreaterThan(0)
    expect(left).toBeGreaterThan(110_000)
    const unrenewed = { locks: locks(), name: name(), ttl: "1s", renew: false } as const
    const over = guard(unrenewed, async (_, lock) => {
      await abortion(lock?.signal ?? AbortSignal.abort())
      return new Response("too late")
    })
    expect(await problemOf(await over.ask())).toMatchObject({ type: "lock-lost" })
  })

  test("a lost hold aborts the handler's signal and gets a 500 at once, without Retry-After", async () => {
    const { locks, name } = lab()
    const { onEvent, of } = recorder()
    const { work, begun, end } = openWork()
    const own = name()
    const { ask } = guard({ locks: locks({ onEvent }), name: own, ttl: "1500ms" }, work)
    const asked = ask()
    const lock = await begun
    const stranger = await holdAsStranger(lab(), own, 60_000)
    const response = await asked
    expect(lock.signal.reason).toBeInstanceOf(LockLostError)
    expect(response.headers.get("Retry-After")).toBeNull()
    expect(await problemOf(response)).toEqual({
      type: "lock-lost",
      status: 500,
      detail: "The work may have been done.",
    })
    // The handler runs to its end, and takes nothing from the other holder.
    expect(of("late-settled")).toEqual([])
    end()
    await until(() => of("late-settled").length === 1)
    expect(await lab().command("GET", `lock:${own}`)).toBe(stranger)
  })

  test("a handler that stops because of the loss does not change the response", async () => {
    const { locks, name } = lab()
    const own = name()
    const { ask, thrown } = guard({ locks: locks(), name: own, ttl: "1500ms" }, async (_, lock) => {
      await lab().command("DEL", `lock:${own}`)
      throw await abortion(lock?.signal ?? AbortSignal.abort())
    })
    expect(await problemOf(await ask())).toMatchObject({ type: "lock-lost", status: 500 })
    expect(thrown.filter((error) => !(error instanceof LockLostError))).toEqual([])
  })

  test("onLost can respond instead, and gets the reason", async () => {
    const { locks, name } = lab()
    const own = name()
    const onLost = ({ reason }: LockLostError) => new Response(reason, { status: 502 })
    const { work, begun, end } = openWork()
    const { ask } = guard({ locks: locks(), name: own, ttl: "4500ms", onLost }, work)
    const asked = ask()
    await begun
    await holdAsStranger(lab(), own, 60_000)
    const response = await asked
    expect([response.status, await response.text()]).toEqual([502, "taken"])
    end()
  })

  test.each([
    ["LockTimeoutError", new LockTimeoutError("another", 1, 1)],
    ["LockBackendError", new LockBackendError("another", "acquire", new Error("down"))],
    ["LockLostError", new LockLostError("another", "expired")],
  ])("a %s of the handler's own is treated as the handler's error", async (_, error) => {
    const { locks, name } = lab()
    const { ask, thrown } = guard({ locks: locks(), name: name(), failOpen: true }, () => {
      throw error
    })
    expect((await ask()).status).toBe(500)
    expect(thrown).toEqual([error])
  })
}
