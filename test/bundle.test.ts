// What goes to the edge: its size, what it needs of its surroundings, and the names that it has.
import { readFile } from "node:fs/promises"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"
import { beforeAll, expect, test } from "vitest"

/** Gzipped bytes that the bundle may have: a little above what it has, so that growth is a decision. */
const LIMIT = 12_500

let bundle: string

beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: { contents: 'export { LockManager } from "fetchlock"', resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  })
  bundle = outputFiles[0]?.text ?? ""
})

test("the manager with its client, queue and push stays within its size", () => {
  const size = gzipSync(bundle, { level: 9 }).length
  expect(size).toBeGreaterThan(1_000)
  expect(size).toBeLessThanOrEqual(LIMIT)
})

test("it imports nothing and knows nothing of Node", () => {
  expect(bundle).not.toMatch(/\bimport\b|\brequire\b|node:/)
  expect(bundle).not.toMatch(/\bBuffer\b|\bsetImmediate\b|\b__dirname\b/)
  // The environment is looked for on the global object, where it may be missing.
  const elsewhere = bundle.replace("globalThis.process?.env", "").replace("no process.env here", "")
  expect(elsewhere).not.toMatch(/\bprocess\b/)
})

test("to load it and to make a manager takes no timer, no random number, no request", async () => {
  const forbidden = (what: string) => () => {
    throw new Error(`${what} at module scope`)
  }
  const module = `data:text/javascript;base64,${Buffer.from(bundle).toString("base64")}`
  const { setTimeout, AbortController, fetch } = globalThis
  const random = crypto.getRandomValues.bind(crypto)
  let manager: unknown
  try {
    Object.assign(globalThis, {
      setTimeout: forbidden("a timer"),
      AbortController: forbidden("an AbortController"),
      fetch: forbidden("a request"),
    })
    crypto.getRandomValues = forbidden("a random number")
    const { LockManager } = (await import(module)) as typeof import("../src/index.js")
    manager = new LockManager({ redis: { url: "https://example.upstash.io", token: "t" } })
  } finally {
    Object.assign(globalThis, { setTimeout, AbortController, fetch })
    crypto.getRandomValues = random
  }
  expect(manager).toBeDefined()
})

test("the public names are these", async () => {
  const names = await import("fetchlock")
  expect(Object.keys(names).sort()).toEqual([
    "LockBackendError",
    "LockError",
    "LockLostError",
    "LockManager",
    "LockTimeoutError",
  ])
  const types = await readFile(new URL("../src/index.ts", import.meta.url), "utf8")
  const exported = [
    ...types.replace(/^\/\/.*$/m, "").matchAll(/\b(?:type )?([A-Z]\w+)\b(?=[,\s}])/g),
  ].map(([, name]) => name)
  expect([...new Set(exported)].sort()).toEqual([
    "AcquireOptions",
    "AdoptOptions",
    "Duration",
    "FencedLock",
    "Fetch",
    "HoldOptions",
    "Lock",
    "LockBackendError",
    "LockError",
    "LockErrorCode",
    "LockEvent",
    "LockLostError",
    "LockManager",
    "LockManagerOptions",
    "LockPhase",
    "LockTimeoutError",
    "LockTransfer",
    "LossReason",
    "ReleaseResult",
    "RequestOptions",
    "RestConfig",
    "TryAcquireOptions",
    "UpstashRedis",
    "WaitUntil",
  ])
})

test("fetchlock/dev has one door", async () => {
  expect(Object.keys(await import("fetchlock/dev"))).toEqual(["startDevServer"])
})
