// Starts the OAuth example in several workerd processes, with a provider that takes a refresh token once.
import { startDevServer } from "@fetchlock/dev-server"
import { bundle, type BoxOfficeOptions, readConfig, startWorker } from "./box-office.js"
import { type Provider, startProvider } from "./provider.js"

/** A request that was answered, and when (epoch milliseconds). */
export interface Answer {
  /** The process that answered, counted from 0. */
  readonly instance: number
  /** How the request came by the token: "ran", "joined" or "remembered". */
  readonly source: string
  readonly requestedAt: number
  readonly answeredAt: number
}

const REFRESH_TOKEN = "refresh-token-0"

/** The running example. */
export class TokenDesk {
  readonly provider: Provider
  readonly #running: readonly { dispose(): Promise<void> }[]
  readonly #urls: readonly URL[]

  private constructor(
    provider: Provider,
    running: readonly { dispose(): Promise<void> }[],
    urls: readonly URL[],
  ) {
    this.provider = provider
    this.#running = running
    this.#urls = urls
  }

  static async open({ instances, split }: BoxOfficeOptions): Promise<TokenDesk> {
    const { compatibility_date } = await readConfig()
    const script = await bundle("examples/oauth/index.ts")
    const provider = await startProvider(REFRESH_TOKEN)
    const bindings = {
      TOKEN_URL: `${provider.url}/token`,
      API_URL: `${provider.url}/events`,
      ENCRYPTION_KEY: btoa("an example key of 32 characters!"),
    }
    const servers = await Promise.all(
      Array.from({ length: split ? instances : 1 }, () => startDevServer({ port: 0 })),
    )
    const running: { dispose(): Promise<void> }[] = []
    const urls: URL[] = []
    for (let instance = 0; instance < instances; instance++) {
      const server = servers[instance % servers.length]
      if (!server) throw new Error("there is no database")
      await store(server, REFRESH_TOKEN)
      const worker = startWorker(script, compatibility_date, server, bindings)
      running.push(worker)
      urls.push(await worker.ready)
    }
    for (const server of servers) running.push({ dispose: () => server.close() })
    // The first request loads the code; no path of the example, so that nothing is refreshed yet.
    await Promise.all(urls.map((url) => fetch(new URL("/none", url))))
    return new TokenDesk(provider, running, urls)
  }

  /** @throws when the request was not served. */
  async ask(instance: number, signal: AbortSignal): Promise<Answer> {
    const requestedAt = Date.now()
    const url = new URL("/calendar", this.#urls[instance])
    const response = await fetch(url, { signal })
    const text = await response.text()
    if (!response.ok) throw new Error(`${url.href}: ${response.status} ${text}`)
    const source = response.headers.get("X-Token-Source") ?? "unknown"
    return { instance, source, requestedAt, answeredAt: Date.now() }
  }

  async close(): Promise<void> {
    for (const one of this.#running) await one.dispose()
    this.provider.close()
  }
}

async function store(
  { url, token }: { readonly url: string; readonly token: string },
  refreshToken: string,
): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` }
  const body = JSON.stringify(["SET", "refresh-token", refreshToken])
  const response = await fetch(url, { method: "POST", headers, body })
  if (!response.ok) throw new Error(`the database does not work: ${response.status}`)
}
