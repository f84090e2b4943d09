// The bundle that a Worker loads: small, without any `node:` module, and idle until it is called; and the public names.
import { execFileSync } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"
import ts from "typescript"
import { afterAll, beforeAll, describe, expect, test } from "vitest"

/**
 * Bytes, minified and gzipped. An upper limit; less is better. Some 1,300 of them are the place with the first request and the shared
 * stream, 650 `watch`, 540 `releaseAll`, and 200
 * the events of ends.
 */
const LARGEST = 23_300
/** The limit of `fetchlock/quorum` on top. */
const LARGEST_QUORUM = 3_400
/** The limit of `fetchlock/once` on top. */
const LARGEST_ONCE = 4_360
/** The limit of `fetchlock/leader` on top of it. */
const LARGEST_LEADER = 710
/** The limit of `fetchlock/otel` on top of it. */
const LARGEST_OTEL = 1_100
/** The limit of idempotent routes on top of `once`. Some 450 of them are the bounds of the body, which `lock` shares. */
const LARGEST_IDEMPOTENCY = 3_030
/** The limit of the middleware on top of Hono and the lock. Some 300 of them are `conflict`. */
const LARGEST_GUARD = 2_440

/** The options of a bundler for the edge. */
const EDGE = {
  bundle: true,
  minify: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  write: false,
} as const

const LOCK = 'export { LockManager } from "./dist/index.js"'
const LOCK_AND_HONO = `${LOCK}; export { Hono } from "hono"`

let folder: string
let code: string
let codeWithQuorum: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fetchlock-bundle-"))
  code = await bundle(LOCK)
  codeWithQuorum = await bundle(`${LOCK}; export { quorum } from "./dist/quorum/index.js"`)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe("the edge bundle", () => {
  test("is small", ({ annotate }) => {
    const size = sizeOf(code)
    console.log(`The edge bundle: ${String(size)} bytes gzipped, ${String(code.length)} minified.`)
    expect(size).toBeGreaterThan(1_000)
    expect(size).toBeLessThanOrEqual(LARGEST)
    return annotate(`${String(size)} bytes gzipped`)
  })

  test("contains no part of a quorum, which adds little", ({ annotate }) => {
    const added = sizeOf(codeWithQuorum) - sizeOf(code)
    console.log(`A quorum adds ${String(added)} bytes gzipped.`)
    expect(added).toBeGreaterThan(1_000)
    expect(added).toBeLessThanOrEqual(LARGEST_QUORUM)
    expect(codeWithQuorum).toContain("no majority of")
    expect(code).not.toContain("no majority of")
    return annotate(`${String(added)} bytes gzipped`)
  })

  test("contains no part of `lead`, which adds little", async ({ annotate }) => {
    const codeWithLead = await bundle(`${LOCK}; export { lead } from "./dist/leader/index.js"`)
    const added = sizeOf(codeWithLead) - sizeOf(code)
    expect(added).toBeGreaterThan(100)
    expect(added).toBeLessThanOrEqual(LARGEST_LEADER)
    expect(codeWithLead).toContain("leader-failed")
    expect(code).not.toContain("leader-failed")
    return annotate(`${String(added)} bytes gzipped`)
  })

  test("contains no part of `telemetry`, which adds little", async ({ annotate }) => {
    const codeWithOtel = await bundle(`${LOCK}; export { telemetry } from "./dist/otel/index.js"`)
    const added = sizeOf(codeWithOtel) - sizeOf(code)
    expect(added).toBeGreaterThan(500)
    expect(added).toBeLessThanOrEqual(LARGEST_OTEL)
    expect(codeWithOtel).toContain("fetchlock.holds")
    expect(code).not.toContain("fetchlock.holds")
    return annotate(`${String(added)} bytes gzipped`)
  })

  test("contains no part of `once`, which adds little", async ({ annotate }) => {
    const codeWithOnce = await bundle(`${LOCK}; export { once } from "./dist/once/index.js"`)
    const added = sizeOf(codeWithOnce) - sizeOf(code)
    expect(added).toBeGreaterThan(1_000)
    expect(added).toBeLessThanOrEqual(LARGEST_ONCE)
    expect(codeWithOnce).toContain("OnceMismatchError")
    expect(code).not.toContain("OnceMismatchError")
    return annotate(`${String(added)} bytes gzipped`)
  })

  test.for([
    ["idempotency", "http/hono/index.js", '; export { Hono } from "hono"'],
    ["withIdempotency", "http/handler.js", ""],
  ] as const)("grows little by %s beside `once`", async ([name, entry, rest], { annotate }) => {
    const base = `${LOCK}; export { once } from "./dist/once/index.js"${rest}`
    const added =
      sizeOf(await bundle(`${base}; export { ${name} } from "./dist/${entry}"`)) -
      sizeOf(await bundle(base))
    expect(added).toBeGreaterThan(500)
    expect(added).toBeLessThanOrEqual(LARGEST_IDEMPOTENCY)
    await annotate(`${String(added)} bytes gzipped`)
  })

  test("grows little by the middleware, and not at all by the lock service beside it", async ({
    annotate,
  }) => {
    const before = sizeOf(await bundle(LOCK_AND_HONO))
    const guarded = await bundle(
      `${LOCK_AND_HONO}; export { lock } from "./dist/http/hono/index.js"`,
    )
    const added = sizeOf(guarded) - before
    expect(added).toBeGreaterThan(500)
    expect(added).toBeLessThanOrEqual(LARGEST_GUARD)
    expect(guarded).not.toContain("authorize")
    return annotate(`${String(added)} bytes gzipped`)
  })

  test("imports and mentions no `node:` module, with a quorum or without", () => {
    const source = ts.createSourceFile("bundle.js", codeWithQuorum, ts.ScriptTarget.ESNext, true)
    const imports: string[] = []
    const globals: string[] = []
    const visit = (node: ts.Node) => {
      if (ts.isImportDeclaration(node)) imports.push(node.getText())
      if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
        imports.push(node.getText())
      if (ts.isIdentifier(node) && isReference(node)) globals.push(node.text)
      ts.forEachChild(node, visit)
    }
    visit(source)
    expect(imports).toEqual([])
    for (const name of ["process", "Buffer", "require", "global", "setImmediate", "__dirname"])
      expect(globals).not.toContain(name)
    // The check finds names that are there.
    expect(globals).toContain("setTimeout")
    expect(codeWithQuorum).not.toContain("node:")
  })

  test("does nothing when it is loaded or when a manager is created: no timer, random number, controller or fetch", async () => {
    await writeFile(join(folder, "bundle.mjs"), codeWithQuorum)
    await writeFile(
      join(folder, "main.mjs"),
      `
      const forbid = (owner, name) => Object.defineProperty(owner, name, {
        get() { throw new Error(name + " at module scope") },
      })
      for (const name of ["setTimeout", "setInterval", "AbortController", "fetch"]) forbid(globalThis, name)
      for (const name of ["getRandomValues", "randomUUID"]) forbid(crypto, name)
      forbid(Math, "random")
      const { LockManager, quorum } = await import("./bundle.mjs")
      const redis = { url: "https://example.upstash.io", token: "t" }
      const all = { ttl: "1m", renew: { maxHold: "1h" }, wait: Infinity, onEvent() {}, fencing: true }
      const managers = [
        new LockManager({ redis }),
        new LockManager({ redis, ...all }),
        new LockManager({ redis: { set() {}, eval() {} } }),
        new LockManager({ redis: quorum([redis, { set() {}, eval() {} }]) }),
        LockManager.fromEnv({ KV_REST_API_URL: redis.url, KV_REST_API_TOKEN: redis.token }),
      ]
      console.log(managers.length)
      await managers[0].tryAcquire("a").catch((error) => console.log(error.message))
      `,
    )
    const printed = execFileSync(process.execPath, [join(folder, "main.mjs")], { encoding: "utf8" })
    // The last line: the check would have noticed it.
    expect(printed).toBe("5\ngetRandomValues at module scope\n")
  })
})

/** The sources that each entry for the edge may contain, beside this library. */
const ENTRIES: Readonly<Record<string, RegExp>> = {
  "index.js": /^$/,
  "quorum/index.js": /^$/,
  "once/index.js": /^$/,
  "leader/index.js": /^$/,
  "otel/index.js": /^$/,
  "http/handler.js": /^$/,
  "http/hono/index.js": /^node_modules\/hono\/dist\//,
}

describe("third-party code", () => {
  test.for(Object.entries(ENTRIES))(
    "is not in %s, except Hono's in an entry for Hono",
    async ([entry, others]) => {
      const { metafile } = await build({
        ...EDGE,
        entryPoints: [`dist/${entry}`],
        metafile: true,
      })
      const inputs = Object.keys(metafile.inputs)
      expect(inputs).toContain(`dist/${entry}`)
      const foreign = inputs.filter((input) => !input.startsWith("dist/"))
      expect(foreign.filter((input) => !others.test(input))).toEqual([])
      expect(foreign.length > 0).toBe(others.test("node_modules/hono/dist/x"))
      // The command contains modules that none of them may have.
      expect(inputs.filter((input) => input.startsWith("dist/cli/"))).toEqual([])
      // No import is left outside the bundle.
      const imports = Object.values(metafile.inputs).flatMap((input) => input.imports)
      expect(imports.filter(({ external }) => external)).toEqual([])
    },
  )

  test("would be noticed: the development server has some", async () => {
    const { metafile } = await build({
      ...EDGE,
      platform: "node",
      entryPoints: ["packages/dev-server/dist/index.js"],
      metafile: true,
    })
    expect(Object.keys(metafile.inputs).some((input) => input.startsWith("node_modules/"))).toBe(
      true,
    )
  })
})

describe("the public names are listed", () => {
  test("for fetchlock", async () => {
    expect(Object.keys((await import(resolve("dist/index.js"))) as object).sort()).toEqual([
      "LockBackendError",
      "LockClosedError",
      "LockError",
      "LockLostError",
      "LockManager",
      "LockTimeoutError",
    ])
    expect(declaredNames("dist/index.d.ts")).toEqual([
      "AcquireOptions",
      "AdoptOptions",
      "Duration",
      "FencedLock",
      "Fetch",
      "HeldLockInfo",
      "HoldOptions",
      "LeaderEvent",
      "Lock",
      "LockBackendError",
      "LockClosedError",
      "LockError",
      "LockErrorCode",
      "LockEvent",
      "LockGroup",
      "LockLostError",
      "LockManager",
      "LockManagerOptions",
      "LockManagerSnapshot",
      "LockMode",
      "LockPhase",
      "LockStatus",
      "LockTimeoutError",
      "LockTransfer",
      "LossReason",
      "NotGrantedReason",
      "OnceEvent",
      "PendingLockInfo",
      "PollingReason",
      "QueryOptions",
      "ReleaseAllResult",
      "ReleaseResult",
      "RequestOptions",
      "RestConfig",
      "Semaphore",
      "SemaphoreOptions",
      "SemaphoreRequestOptions",
      "TryAcquireOptions",
      "UpstashRedis",
      "WaitUntil",
    ])
  })

  test("for fetchlock/quorum", async () => {
    expect(Object.keys((await import(resolve("dist/quorum/index.js"))) as object).sort()).toEqual([
      "QuorumError",
      "quorum",
    ])
    expect(declaredNames("dist/quorum/index.d.ts")).toEqual([
      "Quorum",
      "QuorumError",
      "QuorumFailure",
      "QuorumOptions",
      "QuorumStartOptions",
      "quorum",
    ])
  })

  test("for fetchlock/once", async () => {
    const names = [
      "OnceAttemptsError",
      "OnceError",
      "OnceMismatchError",
      "OnceRunError",
      "forget",
      "once",
    ]
    expect(Object.keys((await import(resolve("dist/once/index.js"))) as object).sort()).toEqual(
      names,
    )
    expect(declaredNames("dist/once/index.d.ts")).toEqual([
      "Once",
      "OnceAttemptsError",
      "OnceError",
      "OnceErrorCode",
      "OnceMismatchError",
      "OnceOptions",
      "OnceResult",
      "OnceRunError",
      "OnceSource",
      "forget",
      "once",
    ])
  })

  test("for fetchlock/otel", async () => {
    expect(Object.keys((await import(resolve("dist/otel/index.js"))) as object)).toEqual([
      "telemetry",
    ])
    expect(declaredNames("dist/otel/index.d.ts")).toEqual([
      "LockTelemetry",
      "TelemetryOptions",
      "telemetry",
    ])
  })

  test("for fetchlock/leader", async () => {
    expect(Object.keys((await import(resolve("dist/leader/index.js"))) as object)).toEqual(["lead"])
    expect(declaredNames("dist/leader/index.d.ts")).toEqual(["LeadOptions", "lead"])
  })

  test("for fetchlock/handler", async () => {
    expect(Object.keys((await import(resolve("dist/http/handler.js"))) as object).sort()).toEqual([
      "withIdempotency",
      "withLock",
    ])
    expect(declaredNames("dist/http/handler.d.ts")).toEqual([
      "HeldLock",
      "ReleaseTime",
      "WithIdempotencyOptions",
      "WithLockOptions",
      "withIdempotency",
      "withLock",
    ])
  })

  test("for fetchlock/hono", async () => {
    expect(Object.keys((await import(resolve("dist/http/hono/index.js"))) as object)).toEqual([
      "idempotency",
      "lock",
      "lockRoutes",
    ])
    expect(declaredNames("dist/http/hono/index.d.ts")).toEqual([
      "IdempotencyOptions",
      "LockAttempt",
      "LockOptions",
      "LockRoutesOptions",
      "ReleaseTime",
      "idempotency",
      "lock",
      "lockRoutes",
    ])
  })

  test("for @fetchlock/dev-server", async () => {
    expect(
      Object.keys((await import(resolve("packages/dev-server/dist/index.js"))) as object),
    ).toEqual(["startDevServer"])
    expect(declaredNames("packages/dev-server/dist/index.d.ts")).toEqual([
      "DevServer",
      "DevServerOptions",
      "startDevServer",
    ])
  })

  test("for @fetchlock/dev-server/embedded", async () => {
    const entry = "packages/dev-server/dist/embedded-server"
    expect(Object.keys((await import(resolve(`${entry}.js`))) as object)).toEqual([
      "openEmbeddedServer",
    ])
    expect(declaredNames(`${entry}.d.ts`)).toEqual([
      "EmbeddedServer",
      "EmbeddedServerOptions",
      "openEmbeddedServer",
    ])
  })
})

/** As a bundler for the edge builds it. */
async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({ ...EDGE, stdin: { contents, resolveDir: "." } })
  return outputFiles[0]?.text ?? ""
}

function sizeOf(code: string): number {
  return gzipSync(code, { level: 9 }).length
}

/** Whether the identifier stands for a variable: not for a property, a key or a label. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node
  if (ts.isBindingElement(parent)) return parent.propertyName !== node
  return !ts.isMethodDeclaration(parent) && !ts.isPropertyDeclaration(parent)
}

/** The exports of a declaration file, including types. */
function declaredNames(file: string): string[] {
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    skipLibCheck: true,
  })
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(file)
  const symbol = source && checker.getSymbolAtLocation(source)
  if (!symbol) throw new Error(`${file} is no module`)
  return checker
    .getExportsOfModule(symbol)
    .map(({ name }) => name)
    .sort()
}
