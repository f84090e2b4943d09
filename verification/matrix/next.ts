// Next.js, which patches fetch: the packed fetchlock in a project of each version, built and started as users do.
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { decode, type Report } from "./next-exercise.js"
import { judge, type Verdict } from "./next-judge.js"
import { cacheComponentsSite, type Case, segmentSite, type Site } from "./next-site.js"
import { packInto } from "./packed.js"
import type { Runtime } from "./runtimes.js"
import type { Results } from "./suite.js"

/** The newest release of each is installed, with its React. */
const VERSIONS = [
  { major: 14, react: 18, sites: [segmentSite(14)] },
  { major: 15, react: 19, sites: [segmentSite(15)] },
  { major: 16, react: 19, sites: [segmentSite(16), cacheComponentsSite()] },
] as const

/** The number of cases that run at the same time. */
const CONCURRENCY = 7

const run = promisify(execFile)

type Endpoint = Parameters<Runtime["run"]>[0]

/** @param folder the folder for the projects of this run */
export function nextRuntimes(folder: string): readonly Runtime[] {
  return VERSIONS.map(({ major, react, sites }) => {
    const project = join(folder, `next-${major}`)
    const manifest = join(project, "node_modules", "next", "package.json")
    return {
      name: `Next.js ${major}`,
      version: async () =>
        (JSON.parse(await readFile(manifest, "utf8")) as { version: string }).version,
      run: async (database) => {
        await installProject(project, major, react)
        const results: Record<string, string | null> = {}
        for (const site of sites) Object.assign(results, await runSite(project, site, database))
        return results
      },
    }
  })
}

async function installProject(project: string, major: number, react: number): Promise<void> {
  await mkdir(project, { recursive: true })
  await writeFile(join(project, "package.json"), `{ "private": true }`)
  const packages = [
    await packInto(project),
    ...[`next@${major}`, `react@${react}`, `react-dom@${react}`, "@upstash/redis"],
    // The last TypeScript that accepts the tsconfig of Next 14.
    ...["typescript@5.9", "@types/node@20", `@types/react@${react}`],
  ]
  await run("npm", ["install", "--no-audit", "--no-fund", ...packages], { cwd: project })
}

/** Builds and starts the project, and runs its cases. */
export async function runSite(project: string, site: Site, database: Endpoint): Promise<Results> {
  const env = {
    ...process.env,
    NEXT_TELEMETRY_DISABLED: "1",
    UPSTASH_REDIS_REST_URL: database.url,
    UPSTASH_REDIS_REST_TOKEN: database.token,
  }
  const next = join(project, "node_modules", "next", "dist", "bin", "next")
  await writeSource(project, site)
  try {
    await run(process.execPath, [next, "build"], { cwd: project, env, maxBuffer: 2 ** 24 })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return { [`the build, ${site.cases.length} cases`]: `${stdout}\n${stderr}` }
  }
  // Removes the locks that were taken while Next built its static pages.
  await fetch(database.url, {
    method: "POST",
    headers: { Authorization: `Bearer ${database.token}` },
    body: `["FLUSHALL"]`,
  })
  const port = await freePort()
  const args = [next, "start", "--hostname", "127.0.0.1", "--port", String(port)]
  const server = spawn(process.execPath, args, { cwd: project, env, stdio: "ignore" })
  try {
    const origin = `http://127.0.0.1:${port}`
    await started(server, origin)
    return await runCases(site.cases, origin, database)
  } finally {
    server.kill("SIGKILL")
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit")
  }
}

async function writeSource(project: string, { files }: Site): Promise<void> {
  for (const old of ["app", ".next", "middleware.ts", "proxy.ts", "tsconfig.json"]) {
    await rm(join(project, old), { recursive: true, force: true })
  }
  for (const [file, code] of Object.entries(files)) {
    await mkdir(dirname(join(project, file)), { recursive: true })
    await writeFile(join(project, file), code)
  }
  const exercise = await readFile(fileURLToPath(new URL("next-exercise.ts", import.meta.url)))
  await writeFile(join(project, "exercise.ts"), exercise)
}

async function runCases(
  cases: readonly Case[],
  origin: string,
  database: Endpoint,
): Promise<Results> {
  const results: Record<string, string | null> = {}
  const start = Date.now()
  const runCase = async ({ name, path, ask }: Case): Promise<boolean> => {
    const url = `${origin}/${path}`
    const { problem, isCertain } =
      ask === "built"
        ? await askBuilt(url, start)
        : await judge(database, name, () => ASK[ask](url))
    results[name] = problem
    return problem === null || isCertain
  }
  const waiting = [...cases]
  const again: Case[] = []
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      if (!(await runCase(next))) again.push(next)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  // Cases that may have failed on a busy machine are repeated alone.
  for (const next of again) if (!(await runCase(next))) await runCase(next)
  return results
}

/** A page of the build was locked before the server started, and is not locked again. */
async function askBuilt(url: string, start: number): Promise<Verdict> {
  const text = await (await fetch(url)).text()
  const [, time = ""] = /time:(\d+)/.exec(text) ?? []
  const isBuilt = time !== "" && Number(time) < start
  return { problem: isBuilt ? null : `not from the build: ${text.slice(0, 200)}`, isCertain: true }
}

const ASK = {
  GET: async (url: string) => reportOf(await fetch(url)),
  POST: async (url: string) => reportOf(await fetch(url, { method: "POST" })),
  /** Called as a browser does: the action's id is in the form of the page. */
  action: async (url: string) => {
    const form = await (await fetch(url)).text()
    const [, id = ""] = /\$ACTION_ID_(\w+)/.exec(form) ?? []
    const headers = { "Next-Action": id, "Content-Type": "text/plain;charset=UTF-8" }
    return reportOf(await fetch(url, { method: "POST", headers, body: "[]" }))
  },
} as const

async function reportOf(response: Response): Promise<Report> {
  const text = await response.text()
  const report = decode(text)
  if (report === null) throw new Error(`HTTP ${response.status}: ${text.slice(0, 200)}`)
  return report
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

async function started(server: ChildProcess, origin: string): Promise<void> {
  while (server.exitCode === null) {
    try {
      await fetch(origin)
      return
    } catch {
      await sleep(100)
    }
  }
  throw new Error(`next start ended with ${server.exitCode}`)
}
