// A Worker in workerd, bundled as a user's bundler does it.
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { Miniflare, type WorkerOptions } from "miniflare"

/** Starts it; `dispose` ends it. */
export async function startWorker(module: URL, options: WorkerOptions): Promise<Miniflare> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(module)],
    bundle: true,
    format: "esm",
    write: false,
  })
  return new Miniflare({
    modules: true,
    script: outputFiles[0]?.text ?? "",
    compatibilityDate: "2026-04-01",
    cf: false,
    ...options,
  } as never)
}
