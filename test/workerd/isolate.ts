// Runs a Worker in a workerd process of its own, built as a user's bundler builds it, and keeps its log.
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { kCurrentWorker, Miniflare, type MiniflareOptions } from "miniflare"

export interface IsolateOptions {
  /** The Worker's module: a file, or its source and the folder from which it imports. */
  readonly worker: URL | { readonly source: string; readonly folder: string }
  readonly env: Record<string, string>
  readonly compatibilityFlags?: string[]
  /** Responds to the Worker's own requests in the network's place. */
  readonly outbound?: (request: Request) => Promise<Response>
  /** The queue that it both sends to, as the binding, and consumes. */
  readonly queue?: { readonly binding: string; readonly name: string }
  /** The binding by which it can call itself. */
  readonly self?: string
  /** The classes of its Durable Objects, by binding. */
  readonly durableObjects?: Record<string, string>
}

export class Isolate {
  /** Its log: `console` calls, uncaught exceptions, and the runtime's warnings. */
  readonly log: string[] = []
  readonly #miniflare: Miniflare
  #url: URL | undefined

  private constructor(options: MiniflareOptions) {
    this.#miniflare = new Miniflare({
      ...options,
      // Uncaught exceptions are not reported otherwise.
      verbose: true,
      handleStructuredLogs: ({ message }: { message: string }) => void this.log.push(message),
    })
  }

  static async start({
    worker,
    env,
    compatibilityFlags = [],
    outbound,
    queue,
    self,
    durableObjects,
  }: IsolateOptions) {
    const isolate = new Isolate({
      modules: true,
      script: await bundle(worker, compatibilityFlags.includes("nodejs_compat")),
      compatibilityDate: "2026-04-01",
      compatibilityFlags,
      bindings: env,
      cf: false,
      ...(queue && {
        queueProducers: { [queue.binding]: queue.name },
        queueConsumers: { [queue.name]: { maxBatchTimeout: 0 } },
      }),
      ...(self !== undefined && { serviceBindings: { [self]: kCurrentWorker } }),
      ...(durableObjects && { durableObjects }),
      ...(outbound && { outboundService: outbound as never }),
    })
    isolate.#url = await isolate.#miniflare.ready
    return isolate
  }

  /** Its address. */
  get url(): URL {
    if (!this.#url) throw new Error("it has not started yet")
    return this.#url
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(new URL(path, this.url), init)
  }

  /** Fires its cron trigger. */
  async fire(scheduledTime: Date): Promise<string> {
    const worker = await this.#miniflare.getWorker()
    const { outcome } = await worker.scheduled({ scheduledTime, cron: "0 * * * *" })
    return outcome
  }

  stop(): Promise<void> {
    return this.#miniflare.dispose()
  }
}

async function bundle(worker: IsolateOptions["worker"], nodeCompat: boolean): Promise<string> {
  const entry =
    worker instanceof URL
      ? { entryPoints: [fileURLToPath(worker)] }
      : { stdin: { contents: worker.source, resolveDir: worker.folder, loader: "ts" as const } }
  const { outputFiles } = await build({
    ...entry,
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
    external: ["cloudflare:*", ...(nodeCompat ? ["node:*"] : [])],
  })
  return outputFiles.map(({ text }) => text).join()
}
