// A user's project outside the repository, with the packed package installed.
import { execFileSync } from "node:child_process"
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import type { Snippet } from "./snippets.js"

/** Other packages that the user has installed. */
const NEIGHBOURS = [
  "@fetchlock/dev-server",
  "@upstash/redis",
  "@opentelemetry/api",
  "@types/node",
  "@cloudflare/workers-types",
  "hono",
  "@hono/node-server",
  "typescript",
]

/** Packages that snippets import and that are not installed here. */
const STRANGERS = `
declare module "next/server" {
  function connection(): Promise<void>
}
declare module "@vercel/functions" {
  function waitUntil(work: Promise<unknown>): void
}
`

/** Modules of Workers that only their own types declare. */
const WORKERS = `
declare module "cloudflare:workers" {
  const env: object
  function waitUntil(work: Promise<unknown>): void
}
`

/** Names that snippets use without an import. */
const SURROUNDINGS = `
import type { Lock, LockManager, LockTransfer } from "fetchlock"

declare global {
  const locks: LockManager
  const lock: Lock
  const env: { UPSTASH_REDIS_REST_URL: string; UPSTASH_REDIS_REST_TOKEN: string }
  const total: number
  const message: { lock: LockTransfer }
  const queue: { send(message: object): Promise<void> }
  function charge(options: { signal: AbortSignal }): Promise<void>
  function answerTo(request: Request, signal: AbortSignal): ReadableStream<Uint8Array>
  function buildReport(): Promise<void>
  function readProfile(): Promise<string>
  function writeProfile(options: { signal: AbortSignal }): Promise<void>
  function buildExport(options: { signal: AbortSignal }): Promise<void>
  function transfer(options: { signal: AbortSignal }): Promise<void>
  function lead(options: { signal: AbortSignal }): Promise<void>
  function sql(text: TemplateStringsArray, ...values: unknown[]): Promise<{ count: number }>
}
`

export class Project {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  static async create(): Promise<Project> {
    const folder = await mkdtemp(join(tmpdir(), "fetchlock-user-"))
    const options = { encoding: "utf8" as const }
    const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder]
    const [{ filename }] = JSON.parse(execFileSync("npm", pack, options)) as [{ filename: string }]
    const installed = join(folder, "node_modules", "fetchlock")
    await mkdir(installed, { recursive: true })
    const tarball = join(folder, filename)
    execFileSync("tar", ["-xzf", tarball, "--strip-components", "1", "-C", installed])
    for (const neighbour of NEIGHBOURS) {
      const link = join(folder, "node_modules", neighbour)
      await mkdir(join(link, ".."), { recursive: true })
      await symlink(resolve("node_modules", neighbour), link)
    }
    await writeFile(join(folder, "package.json"), `{ "type": "module" }`)
    return new Project(folder)
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true })
  }

  /**
   * Compiles each snippet as a module of its own, and returns the compiler's output.
   *
   * @param more declares further names that the snippets use without an import
   */
  async compile(
    snippets: readonly Snippet[],
    surroundings: "DOM" | "Workers",
    more = "",
  ): Promise<string> {
    const folder = await mkdtemp(join(this.folder, "snippets-"))
    const isWorkers = surroundings === "Workers"
    const config = {
      compilerOptions: {
        target: "ES2022",
        module: "NodeNext",
        lib: ["ES2022", "ESNext.Disposable", ...(isWorkers ? [] : ["DOM"])],
        types: isWorkers ? ["@cloudflare/workers-types"] : ["node"],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        // Checking the DOM's own types would take most of the time.
        skipLibCheck: !isWorkers,
        noEmit: true,
      },
    }
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config))
    await writeFile(join(folder, "surroundings.d.ts"), SURROUNDINGS)
    if (more !== "") await writeFile(join(folder, "more.d.ts"), more)
    await writeFile(join(folder, "strangers.d.ts"), STRANGERS + (isWorkers ? "" : WORKERS))
    for (const [index, { code, place }] of snippets.entries()) {
      await writeFile(join(folder, `${index}.ts`), `// ${place}\n${code}\nexport {}\n`)
    }
    try {
      const tsc = join("node_modules", "typescript", "bin", "tsc")
      return execFileSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" })
    } catch (error) {
      return (error as { stdout: string }).stdout
    }
  }
}
