// A Worker that does what the uncontended scenario does, or sends the same requests bare. Bundled for workerd.
import { LockManager } from "fetchlock"
import { sendBare } from "../testbed/send-bare.js"

interface Env {
  readonly REDIS_URL: string
  readonly REDIS_TOKEN: string
  /** `LockManagerOptions` as JSON. */
  readonly OPTIONS: string
}

/** Those who take locks at once, each a name of its own. */
const LANES = 10

let locks: LockManager | undefined
let bodies: readonly string[] | undefined

export default {
  /** `GET /own?cycles=10`, `GET /bare?cycles=10`: so many cycles in each lane. */
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

/** What one cycle sends. */
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
