// Idempotent routes on a real Redis, over each client: handled once for each key, and repeated.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { problemOf } from "../guard/adapters.js"
import { type Opened, variants } from "../../support/variants.js"
import { adapters } from "./adapters.js"

const onRedis = variants.filter(({ engine, isAvailable }) => engine === "real Redis" && isAvailable)

describe.each(onRedis)("$name", (variant) => {
  let database: Opened
  beforeAll(async () => {
    database = await variant.open()
  })
  afterAll(() => database.close())

  test.each(adapters)("ten requests with one key are one: $name", async ({ name, route }) => {
    let runs = 0
    const work = async (request: Request) => {
      runs++
      await new Promise((resolve) => setTimeout(resolve, 100))
      return new Response(await request.arrayBuffer(), { status: 201, headers: { "X-Order": "7" } })
    }
    const ask = (key: string, body: Uint8Array<ArrayBuffer>) =>
      route(
        { locks: database.locks(), scope: "none", wait: "10s" },
        work,
      )(
        new Request("https://shop.example/pay", {
          method: "POST",
          headers: { "Idempotency-Key": `${name}-${key}` },
          body,
        }),
      )
    const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => i % 256)
    const responses = await Promise.all(Array.from({ length: 10 }, () => ask("one", bytes)))
    for (const response of [...responses, await ask("one", bytes)]) {
      expect([response.status, response.headers.get("X-Order")]).toEqual([201, "7"])
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes)
    }
    const replayed = responses.filter(({ headers }) => headers.has("Idempotent-Replayed"))
    expect([runs, replayed.length]).toEqual([1, 9])
    const mismatch = await problemOf(await ask("one", bytes.slice(1)))
    expect(mismatch).toMatchObject({ type: "idempotency-mismatch", status: 422 })
    await ask("another", bytes)
    expect(runs).toBe(2)
  })
})
