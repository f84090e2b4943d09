// Compares the embedded engine with a real Redis: the same commands, the same replies to the last byte.
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { CORPUS } from "./corpus.js"
import { embedded, type OpenEngine, realRedis } from "./engines.js"
import type { RestReply } from "./rest-client.js"

describe.skipIf(!realRedis.isAvailable)(
  "the embedded engine replies exactly as a real Redis does",
  () => {
    let ours: OpenEngine
    let theirs: OpenEngine
    beforeAll(async () => {
      ours = await embedded.open()
      theirs = await realRedis.open()
    })
    afterAll(async () => {
      await ours.close()
      await theirs.close()
    })

    it.each(Object.entries(CORPUS))("%s", async (_, commands) => {
      for (const engine of [ours, theirs]) await engine.rest.command("FLUSHALL")
      for (const command of commands) {
        const mine = await ours.rest.post("/", command)
        const real = await theirs.rest.post("/", command)
        const isGuarded = String(command[1]).includes("allow-key-locking")
        const [got, wanted] = isGuarded ? [withoutPlace(mine), withoutPlace(real)] : [mine, real]
        expect({ command, ...got }).toEqual({ command, ...wanted })
      }
    })
  },
)

/** On a real Redis an error of `redis.call` comes from the guard in front of the script, so its line number means nothing. */
function withoutPlace({ status, body }: RestReply): RestReply {
  const text = JSON.stringify(body).replace(/, on @user_script:\d+\./, "")
  return { status, body: JSON.parse(text) }
}
