// Starts the example Worker in several workerd processes, with a local server in place of Upstash.
import { readFile } from "node:fs/promises"
import { type DevServer, startDevServer } from "@fetchlock/dev-server"
import { build } from "esbuild"
import { Miniflare } from "miniflare"
import { parse } from "smol-toml"
import type { Hold } from "./overlaps.js"

/** A booked seat, and the times at which its buyer asked for, got and released the lock (epoch milliseconds). */
export interface Booking extends Hold {
  readonly show: string
  readonly seat: number
  /** The index of the process that answered. */
  readonly instance: number
  /** The id that the isolate gives itself. */
  readonly isolate: string
  readonly requestedAt: number
}

export interface BoxOfficeOptions {
  /** The number of workerd processes. */
  readonly instances: number
  /** Whether each has its own database: then they do not share locks, and the demo must find overlaps. */
  readonly split: boolean
}

/** The running example. */
export class BoxOffice {
  readonly #running: readonly { dispose(): Promise<void> }[]
  readonly #urls: readonly URL[]

  private constructor(running: readonly { dispose(): Promise<void> }[], urls: readonly URL[]) {
    this.#running = running
    this.#urls = urls
  }

  static async open({ instances, split }: BoxOfficeOptions): Promise<BoxOffice> {
    const config = await readConfig()
    const script = await bundle(config.main)
    const shared = split ? undefined : await startDevServer({ port: 0 })
    const databases = await Promise.all(
      Array.from({ length: instances }, async () => shared ?? (await startDevServer({ port: 0 }))),
    )
    const date = config.compatibility_date
    const workers = databases.map((database) => startWorker(script, date, database))
    const servers = [...new Set(databases)].map((server) => ({ dispose: () => server.close() }))
    const running = [...workers, ...servers]
    const urls = await Promise.all(workers.map((worker) => worker.ready))
    await Promise.all(urls.map(warmUp))
    return new BoxOffice(running, urls)
  }

  /** Buys a seat at one of the instances. @throws if the answer is not a booking. */
  async book(instance: number, show: string, signal: AbortSignal): Promise<Booking> {
    const url = new URL(`/shows/${show}/seats`, this.#urls[instance])
    const response = await fetch(url, { method: "POST", signal })
    const text = await response.text()
    if (response.status !== 201) throw new Error(`${url.href}: ${response.status} ${text}`)
    const booking = JSON.parse(text) as Omit<Booking, "instance" | "lock">
    return { ...booking, instance, lock: `show:${show}` }
  }

  async close(): Promise<void> {
    for (const one of this.#running) await one.dispose()
  }
}

/** The first request loads the code, which must not count as waiting. */
async function warmUp(url: URL): Promise<void> {
  const response = await fetch(new URL("/shows/none/seats", url))
  const text = await response.text()
  if (!response.ok) throw new Error(`${url.href}: ${response.status} ${text}`)
}

/** The used part of `wrangler.toml`. */
interface WorkerConfig {
  readonly main: string
  readonly compatibility_date: string
}

/** What `wrangler.toml` says. */
export async function readConfig(): Promise<WorkerConfig> {
  return parse(await readFile("wrangler.toml", "utf8")) as unknown as WorkerConfig
}

/** The Worker and what it imports, as one module. */
export async function bundle(entryPoint: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entryPoint],
    bundle: true,
    format: "esm",
    write: false,
  })
  return outputFiles.map((file) => file.text).join()
}

/** @param bindings what it is given beside the database */
export function startWorker(
  script: string,
  compatibilityDate: string,
  database: DevServer,
  bindings: Readonly<Record<string, string>> = {},
): Miniflare {
  return new Miniflare({
    modules: true,
    script,
    compatibilityDate,
    bindings: {
      UPSTASH_REDIS_REST_URL: database.url,
      UPSTASH_REDIS_REST_TOKEN: database.token,
      ...bindings,
    },
    // By default it is fetched from the network.
    cf: false,
  })
}
