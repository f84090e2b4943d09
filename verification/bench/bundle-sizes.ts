// What each entry adds to a Worker: bytes, minified and gzipped.
import { gzipSync } from "node:zlib"
import { build } from "esbuild"

const LOCK = 'export { LockManager } from "fetchlock"'
const ONCE = 'export { once } from "fetchlock/once"'
const HONO = 'export { Hono } from "hono"'

export async function bundleSizes(): Promise<Readonly<Record<string, number>>> {
  const lock = await sizeOf(LOCK)
  const withHono = await sizeOf(`${LOCK}; ${HONO}`)
  const peer = 'export { Lock } from "@upstash/lock"; export { Redis } from "@upstash/redis"'
  return {
    fetchlock: lock,
    "fetchlock/quorum adds":
      (await sizeOf(`${LOCK}; export { quorum } from "fetchlock/quorum"`)) - lock,
    "fetchlock/once adds": (await sizeOf(`${LOCK}; ${ONCE}`)) - lock,
    "withIdempotency of fetchlock/handler adds to both":
      (await sizeOf(`${LOCK}; ${ONCE}; export { withIdempotency } from "fetchlock/handler"`)) -
      (await sizeOf(`${LOCK}; ${ONCE}`)),
    "fetchlock/handler adds":
      (await sizeOf(`${LOCK}; export { withLock } from "fetchlock/handler"`)) - lock,
    "lock of fetchlock/hono adds":
      (await sizeOf(`${LOCK}; ${HONO}; export { lock } from "fetchlock/hono"`)) - withHono,
    "@upstash/redis with @upstash/lock": await sizeOf(peer),
  }
}

async function sizeOf(contents: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: "js" },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    logLevel: "silent",
  })
  return gzipSync(outputFiles[0]?.contents ?? "").length
}
