// The runtimes, and how the suite runs in each.
import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { EdgeVM } from "@edge-runtime/vm"
import { build, type Format } from "esbuild"
import { Isolate } from "../../test/workerd/isolate.js"
import { conditions, OWN_TIMERS } from "./conditions.js"
import type { Results } from "./suite.js"

/** The address of the database. */
interface Endpoint {
  readonly url: string
  readonly token: string
}

export interface Runtime {
  readonly name: string
  readonly version: () => Promise<string>
  readonly run: (database: Endpoint) => Promise<Results>
}

const run = promisify(execFile)
const versionOf = (name: string) =>
  (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version
const here = (file: string) => new URL(file, import.meta.url)

async function bundle(file: string, format: Format, define = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(here(file))],
    bundle: true,
    format,
    target: "es2022",
    write: false,
    define,
  })
  return outputFiles[0]?.text ?? ""
}

/** Runs the suite as a program: `command … <file> <url> <token> <condition>`. */
async function runProgram(
  command: readonly [string, ...string[]],
  { url, token }: Endpoint,
  condition = "",
): Promise<Results> {
  const folder = await mkdtemp(join(tmpdir(), "fetchlock-matrix-"))
  try {
    const file = join(folder, "program.mjs")
    await writeFile(file, await bundle("program.ts", "esm", condition ? OWN_TIMERS : {}))
    const [executable, ...args] = command
    const options = { timeout: 60_000 }
    const { stdout } = await run(executable, [...args, file, url, token, condition], options)
    return JSON.parse(stdout) as Results
  } finally {
    await rm(folder, { recursive: true })
  }
}

const node = (condition?: string): Runtime => ({
  name: condition === undefined ? "Node" : `Node, where ${condition}`,
  version: () => Promise.resolve(process.versions.node),
  run: (database) => runProgram([process.execPath], database, condition),
})

const workerd = (scope: "module-scope" | "per-request", nodeCompat: boolean): Runtime => ({
  name: [
    "workerd",
    scope === "module-scope" ? "a manager at module scope" : "a manager for each request",
    ...(nodeCompat ? ["nodejs_compat"] : []),
  ].join(", "),
  version: () => Promise.resolve(versionOf("workerd")),
  run: async ({ url, token }) => {
    const isolate = await Isolate.start({
      worker: here(`worker-${scope}.ts`),
      env: { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token },
      compatibilityFlags: nodeCompat ? ["nodejs_compat"] : [],
    })
    try {
      const results = (await (await isolate.fetch("/")).json()) as Results
      return { ...results, "nothing is logged": isolate.log.join("\n") || null }
    } finally {
      await isolate.stop()
    }
  },
})

const edgeRuntime: Runtime = {
  name: "edge-runtime (Vercel)",
  version: () => Promise.resolve(versionOf("@edge-runtime/vm")),
  run: async ({ url, token }) => {
    const vm = new EdgeVM({ initialCode: await bundle("edge.ts", "iife") })
    const call = `runMatrix(${JSON.stringify(url)}, ${JSON.stringify(token)})`
    return JSON.parse(await vm.evaluate<Promise<string>>(call)) as Results
  },
}

/** The runtimes that the tests use: they need only the development dependencies. */
export const RUNTIMES: readonly Runtime[] = [
  node(),
  ...Object.keys(conditions).map(node),
  workerd("per-request", false),
  workerd("per-request", true),
  workerd("module-scope", false),
  workerd("module-scope", true),
  edgeRuntime,
]

/** Runtimes that are installed into a folder for one run. */
export function installedRuntimes(folder: string): readonly Runtime[] {
  const executable = (name: string) => join(folder, "node_modules", ".bin", name)
  const installed = (name: string, command: string, ...args: string[]): Runtime => ({
    name,
    version: async () => {
      const { stdout } = await run(executable(command), ["--version"])
      return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? "?"
    },
    run: (database) => runProgram([executable(command), ...args], database),
  })
  return [installed("Deno", "deno", "run", "--allow-all"), installed("Bun", "bun", "run")]
}
