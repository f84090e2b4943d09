// The guard reads a request's body before it takes the lock, so that a slow client holds nothing.
import { expect, test } from "vitest"
import type { Lab } from "../../contract/lab.js"
import { until } from "../../support/outcomes.js"
import { type Adapter, openWork, problemOf } from "./adapters.js"

/** A request whose body is sent piece by piece. */
export function sending(headers: HeadersInit = {}) {
  let controller!: ReadableStreamDefaultController<Uint8Array>
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given
    },
  })
  const init = { method: "POST", headers, body, duplex: "half" } as RequestInit
  const send = (text: string) => {
    controller.enqueue(new TextEncoder().encode(text))
  }
  const end = () => {
    controller.close()
  }
  const breakOff = (error: Error) => {
    controller.error(error)
  }
  return { request: new Request("http://localhost/work", init), send, end, breakOff }
}

export function bodies({ guard }: Adapter, lab: () => Lab): void {
  const echo = async (request: Request) => new Response(await request.text())

  test("a body that is still being sent holds no lock, and is handled once it has arrived", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const { ask } = guard({ locks: locks(), name: name() }, echo)
    const { request, send, end } = sending()
    const asked = ask(request)
    send("slow")
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(proxy.log).toHaveLength(0)
    send("ly")
    end()
    expect(await (await asked).text()).toBe("slowly")
  })

  test("a body that takes too long gets a 408, and the handler does not run", async () => {
    const { locks, name } = lab()
    const { work, runs } = openWork()
    const options = { locks: locks(), name: name(), body: { timeout: 100 } }
    const { request, send } = sending()
    const asked = guard(options, work).ask(request)
    send("s")
    const problem = await problemOf(await asked)
    expect(problem).toMatchObject({ type: "bad-request", status: 408 })
    expect(problem["detail"]).toBe("the body did not arrive within 100 ms")
    expect(runs()).toBe(0)
  })

  test.each([
    ["by its length", { "Content-Length": "6" }],
    ["by what arrives", {}],
  ])(
    "a body that is too large, %s, gets a 413, and the handler does not run",
    async (_, headers) => {
      const { locks, name } = lab()
      const { work, runs } = openWork()
      const options = { locks: locks(), name: name(), body: { maxBytes: 5 } }
      const { request, send } = sending(headers)
      send("123456")
      const problem = await problemOf(await guard(options, work).ask(request))
      expect(problem).toMatchObject({ type: "bad-request", status: 413 })
      expect(problem["detail"]).toBe("the body must have at most 5 bytes")
      expect(runs()).toBe(0)
    },
  )

  test("a body of exactly the maximum size is handled", async () => {
    const { locks, name } = lab()
    const { ask } = guard({ locks: locks(), name: name(), body: { maxBytes: 5 } }, echo)
    const request = new Request("http://localhost/work", { method: "POST", body: "12345" })
    expect(await (await ask(request)).text()).toBe("12345")
  })

  test("a body that breaks off gets a 499, and is not reported as an error", async () => {
    const { locks, name } = lab()
    const { work, runs } = openWork()
    const { ask, thrown } = guard({ locks: locks(), name: name() }, work)
    const { request, send, breakOff } = sending()
    const asked = ask(request)
    send("half")
    breakOff(new Error("aborted"))
    expect(await problemOf(await asked)).toMatchObject({ type: "client-gone", status: 499 })
    expect([thrown, runs()]).toEqual([[], 0])
  })

  test("a client that disconnects while its body is read gets a 499", async () => {
    const { locks, name } = lab()
    const { work, runs } = openWork()
    const client = new AbortController()
    const request = new Request(sending().request, { signal: client.signal })
    const asked = guard({ locks: locks(), name: name() }, work).ask(request)
    client.abort()
    expect((await asked).status).toBe(499)
    expect(runs()).toBe(0)
  })

  test("with streaming, the handler reads the body while it is sent, under the lock", async () => {
    const { locks, name } = lab()
    const own = name()
    const { ask } = guard({ locks: locks(), name: own, body: "streamed" }, echo)
    const { request, send, end } = sending()
    const asked = ask(request)
    await until(async () => (await locks().inspect(own)).isHeld)
    send("late")
    end()
    expect(await (await asked).text()).toBe("late")
  })

  test("a body that was read before is left alone", async () => {
    const { locks, name } = lab()
    const request = new Request("http://localhost/work", { method: "POST", body: "read" })
    await request.text()
    const { ask } = guard({ locks: locks(), name: name() }, ({ bodyUsed }) =>
      Response.json(bodyUsed),
    )
    expect(await (await ask(request)).json()).toBe(true)
  })
}
