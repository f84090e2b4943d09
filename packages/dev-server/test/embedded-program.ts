// What a page does with the server in itself: run in Node, and bundled for a browser.
import { openEmbeddedServer } from "../src/embedded-server.js"
import { LockManager } from "../../../src/index.js"

export interface Outcome {
  readonly order: readonly string[]
  readonly mostAtOnce: number
  /** The requests that opened a stream. */
  readonly streams: number
  readonly bytes: unknown
  readonly digest: unknown
  readonly json: unknown
  readonly afterAbort: string
}

/** Four callers take turns under one lock, and the server answers a few commands on bytes. */
export async function useServer(wasm?: string): Promise<Outcome> {
  const server = await openEmbeddedServer({ wasm })
  const { url, token } = server
  let streams = 0
  const fetch = (address: string, init: RequestInit) => {
    if (address.includes("/subscribe/")) streams++
    return server.fetch(address, init)
  }
  const order: string[] = []
  let inside = 0
  let mostAtOnce = 0
  const visit = async (name: string) => {
    const locks = new LockManager({ redis: { url, token }, fetch })
    await locks.request("turns", async () => {
      mostAtOnce = Math.max(mostAtOnce, ++inside)
      order.push(name)
      await pause(60)
      inside--
    })
  }
  const visits = ["a", "b", "c", "d"].map(async (name, i) => {
    await pause(i * 15)
    return visit(name)
  })
  await Promise.all(visits)
  const headers = { Authorization: `Bearer ${token}` }
  const send = async (command: readonly string[], more = {}) => {
    const init = { method: "POST", headers: { ...headers, ...more }, body: JSON.stringify(command) }
    const { result } = (await (await server.fetch(url, init)).json()) as { result: unknown }
    return result
  }
  const raw = Uint8Array.of(0, 255, 128, 0xef, 0xbb, 0xbf)
  await server.fetch(`${url}/set/raw`, { method: "POST", headers, body: raw })
  const outcome = {
    order,
    mostAtOnce,
    streams,
    bytes: await send(["GET", "raw"], { "Upstash-Encoding": "base64" }),
    digest: await send(["EVAL", "return redis.sha1hex('é')", "0"]),
    json: await send(["EVAL", 'return cjson.decode(\'{"a":"ü"}\').a', "0"]),
    afterAbort: await readAborted(server.fetch, url, headers),
  }
  server.close()
  return outcome
}

/** What the reader of a stream gets after its signal has aborted. */
async function readAborted(
  fetch: (url: string, init: RequestInit) => Promise<Response>,
  url: string,
  headers: HeadersInit,
): Promise<string> {
  const stop = new AbortController()
  const response = await fetch(`${url}/subscribe/news`, { headers, signal: stop.signal })
  const reader = response.body?.getReader()
  const first = await reader?.read()
  stop.abort(new Error("enough"))
  const messageOf = (error: unknown) => (error as Error).message
  const rest = await reader?.read().then(() => "more", messageOf)
  const late = await fetch(url, { headers, signal: stop.signal }).then(() => "more", messageOf)
  return `${new TextDecoder().decode(first?.value)}${String(rest)}, ${late}`
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
