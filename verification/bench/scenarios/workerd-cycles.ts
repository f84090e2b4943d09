// A Worker that runs the uncontended scenario, or sends the same requests bare. Bundled for workerd.
import { LockManager } from "fetchlock"
import { sendBare } from "../testbed/send-bare.js"

interface Env {
  readonly REDIS_URL: string
  readonly REDIS_TOKEN: string
  /** `LockManagerOptions` as JSON. */
  readonly OPTIONS: string
}

/** Lanes that acquire at the same time, each with its own lock. */
const LANES = 10

let locks: LockManager | undefined
let bodies: readonly string[] | undefined

export default {
  /** `GET /own?cycles=10`, `GET /bare?cycles=10`: the number of cycles in each lane. */
  async fetch({ url }: Request, { REDIS_URL, REDIS_TOKEN, OPTIONS }: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(url)
    const redis = { url: REDIS_URL, token: REDIS_TOKEN }
    const options = { redis, ...(JSON.parse(OPTIONS) as object) }
    const manager = (locks ??= new LockManager(options))
    const recorded = (bodies ??= await record(options))
    const lane = async (name: string) => {
      const own = recorded.map((body) => body.replaceAll("bench-recorded", name))
      for (let i = 0; i < Number(searchParams.get("cycles")); i++) {
        if (pathname === "/own") await (await manager.acquire(name)).release()
        else await sendBare(redis, own)
      }
    }
    await Promise.all(Array.from({ length: LANES }, (_, i) => lane(`bench-lane-${i}`)))
    return Response.json({ cycles: LANES * Number(searchParams.get("cycles")) })
  },
}

/** The requests of one cycle. */
async function record(options: ConstructorParameters<typeof LockManager>[0]): Promise<string[]> {
  const sent: string[] = []
  const recorder = new LockManager({
    ...options,
    fetch: (url, init) => {
      sent.push(init.body as string)
      return fetch(url, init)
    },
  })
  await (await recorder.acquire("bench-recorded")).release()
  return sent
}
