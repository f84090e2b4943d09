// Checks the README and the docs against the code: the programs compile and run, the tables are complete, the commands are the
// ones that CI runs.
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { transform } from "esbuild"
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest"
import { until } from "../support/outcomes.js"
import { pagesOfDocs } from "./pages.js"
import { Project } from "./project.js"
import { readSnippets } from "./snippets.js"
import { type Database, openDatabase } from "../support/variants.js"
import { Isolate } from "../workerd/isolate.js"

const readme = readFileSync("README.md", "utf8")
const reference = readFileSync("docs/reference.md", "utf8")
const pages = ["README.md", "packages/dev-server/README.md", ...pagesOfDocs()]
const quickStarts = readSnippets("docs/getting-started.md")
const workers = quickStarts.filter(({ isWorker }) => isWorker)

/** Adds its answer to `ran` when it is called. */
const stubs = (names: string[]) =>
  names.map((name) => `const ${name} = async () => { ran.push("${name}"); return "done" }`)

/** Names that the table of the README uses without an import. */
const TABLE_SURROUNDINGS = [
  `import { type Context, Hono } from "hono"`,
  `import { LockManager } from "fetchlock"`,
  `import { idempotency, lock } from "fetchlock/hono"`,
  `import { lead } from "fetchlock/leader"`,
  `import { once } from "fetchlock/once"`,
  `const locks = LockManager.fromEnv()`,
  `export const app = new Hono()`,
  `export const ran: string[] = []`,
  `const event = { id: "evt_1" }`,
  `const firedAt = "2026-05-01T03:00:00Z"`,
  ...stubs(["refresh", "buildReport", "buildExport", "poll", "readProfile"]),
  `const book = async ({ id }: typeof event) => { ran.push("book " + id) }`,
  `const reply = (c: Context) => { ran.push("reply"); return c.text("hello") }`,
  `const pay = (c: Context) => { ran.push("pay"); return c.text("paid") }`,
  `const chatOf = (c: Context) => "chat:" + c.req.param("id")`,
  `const userOf = () => "user:7"`,
  "",
].join("\n")

/** The calls in the table of the README, and the function of the user's that each of them runs. */
const calls = [...readme.matchAll(/^\| \[[^|]+\| `([^`|]+)` +\|$/gm)].map(([, call = ""]) => call)
const RUNS = ["refresh", "book evt_1", "buildReport", "reply", "buildExport", "poll", "pay"]

let project: Project
let database: Database

beforeAll(async () => {
  project = await Project.create()
  database = await openDatabase("embedded engine")
}, 60_000)

afterAll(async () => {
  await database.close()
  await project.remove()
})

test("CI runs the two commands that the README prints", () => {
  const [, commands] = /^```sh\n(npm ci[^]*?)```$/m.exec(readme) ?? []
  expect(commands).toBe("npm ci && npm run demo\nnpm ci && npm test\n")
  expect(execFileSync("bash", [".ci/run", "--list"], { encoding: "utf8" })).toBe(commands)
})

describe("programs", { timeout: 60_000 }, () => {
  test("in the docs all compile against the packed package", async () => {
    expect(await project.compile(pages.flatMap(readSnippets), "DOM")).toBe("")
  })

  test("for Workers compile with the types of the Workers runtime", async () => {
    expect(workers).toHaveLength(2)
    expect(await project.compile(workers, "Workers")).toBe("")
  })

  test("with a mistake do not compile", async () => {
    const wrong = { code: "await locks.acquire(42)\n", place: "here", isWorker: false }
    expect(await project.compile([wrong], "Workers")).toContain("not assignable to parameter")
  })

  test("in the table of the README compile", async () => {
    const programs = calls
      .filter((call) => !call.startsWith("fetchlock "))
      .map((call) => ({
        code: `${TABLE_SURROUNDINGS}void (${call})\n`,
        place: "the table of the README",
        isWorker: false,
      }))
    expect(programs).toHaveLength(8)
    expect(await project.compile(programs, "DOM")).toBe("")
  })

  test("of the quick starts have at most ten lines", () => {
    for (const { code, place } of quickStarts.slice(0, 3)) {
      expect(code.trimEnd().split("\n").length, place).toBeLessThanOrEqual(10)
    }
  })
})

describe("the quick starts run", { timeout: 30_000 }, () => {
  /** The keys that exist while an external service is called. */
  let keysMeanwhile: unknown
  /** The external service waits for this. */
  let payment = Promise.resolve()

  /** Plays the external services; requests for the database go there. */
  async function network(request: Request): Promise<Response> {
    const { method, headers, url } = request
    if (!new URL(url).hostname.endsWith(".example")) {
      return fetch(url, { method, headers: [...headers], body: await request.text() })
    }
    keysMeanwhile = await database.command("KEYS", "*")
    await payment
    return new Response("done")
  }

  const env = () => ({
    UPSTASH_REDIS_REST_URL: database.url,
    UPSTASH_REDIS_REST_TOKEN: database.token,
  })

  const kinds: [string, number, string[]][] = [
    ["per request", 0, []],
    ["at module scope", 1, []],
    ["at module scope, with nodejs_compat", 1, ["nodejs_compat"]],
  ]

  async function start(index: number, compatibilityFlags: string[]): Promise<Isolate> {
    await writeFile(join(project.folder, "worker.ts"), workers[index]?.code ?? "")
    // Not the test's own connection: the local runtime lets a request continue whose connection has ended.
    const source = `
      import worker from "./worker.ts"
      export default {
        fetch(request, env, ctx) {
          if (new URL(request.url).pathname !== "/goes-away") return worker.fetch(request, env, ctx)
          const signal = AbortSignal.timeout(1_000)
          return env.SELF.fetch("https://me.example/", { signal }).catch(() => new Response("gone"))
        },
      }`
    const worker = { source, folder: project.folder }
    const own = { worker, env: env(), self: "SELF" }
    const options = { ...own, compatibilityFlags, outbound: network }
    const isolate = await Isolate.start(options)
    onTestFinished(() => isolate.stop())
    return isolate
  }

  test.each(kinds)("as a Worker with its manager created %s", async (_, index, flags) => {
    const isolate = await start(index, flags)
    expect(await (await isolate.fetch("/")).text()).toBe("done")
    expect(keysMeanwhile).toEqual(["lock:invoice:42"])
    expect(await database.command("KEYS", "*")).toEqual([])
  })

  test.each(kinds)(
    "as a Worker with its manager created %s, which releases for a client that disconnected",
    async (_, index, flags) => {
      const isolate = await start(index, flags)
      let pay!: () => void
      payment = new Promise((resolve) => (pay = resolve))
      onTestFinished(() => {
        pay()
      })
      expect(await (await isolate.fetch("/goes-away")).text()).toBe("gone")
      expect(await database.command("EXISTS", "lock:invoice:42")).toBe(1)
      pay()
      // Long before the ttl of 30 s.
      await until(async () => (await database.command("EXISTS", "lock:invoice:42")) === 0)
    },
  )

  test("as a Vercel function", async () => {
    const source = quickStarts.find(({ code }) => code.includes("function POST"))?.code ?? ""
    const file = join(project.folder, "route.mjs")
    await writeFile(file, (await transform(source, { loader: "ts" })).code)
    const route = (await import(pathToFileURL(file).href)) as {
      POST(request: Request): Promise<Response>
    }
    const realFetch = fetch
    vi.stubGlobal("fetch", (url: string, init: RequestInit) =>
      url.startsWith(database.url) ? realFetch(url, init) : network(new Request(url, init)),
    )
    vi.stubEnv("KV_REST_API_URL", database.url)
    vi.stubEnv("KV_REST_API_TOKEN", database.token)
    onTestFinished(() => {
      vi.unstubAllGlobals()
      vi.unstubAllEnvs()
    })
    const post = () => route.POST(new Request("https://me.example/report", { method: "POST" }))

    expect(await (await post()).text()).toBe("done")
    expect(keysMeanwhile).toEqual(["lock:report"])
    await database.command("SET", "lock:report", "somebody else's", "PX", "60000")
    expect((await post()).status).toBe(409)
  })
})

describe("the README", { timeout: 30_000 }, () => {
  beforeAll(() => {
    vi.stubEnv("UPSTASH_REDIS_REST_URL", database.url)
    vi.stubEnv("UPSTASH_REDIS_REST_TOKEN", database.token)
  })
  afterAll(() => {
    vi.unstubAllEnvs()
    vi.unstubAllGlobals()
  })

  /** Runs a program in the user's project. */
  async function run(name: string, code: string): Promise<Record<string, unknown>> {
    const file = join(project.folder, `${name}.mjs`)
    await writeFile(file, (await transform(code, { loader: "ts" })).code)
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>
  }

  test("has at most 1,000 words, and its first code within 15 lines", () => {
    expect(readme.split(/\s+/).filter(Boolean).length).toBeLessThanOrEqual(1_000)
    expect(readme.split("\n").slice(0, 15)).toContain("```ts")
  })

  test.for(["README.md", "docs/index.md"])(
    "names a size that the test of the bundle guards: %s",
    (page) => {
      const [, shown] = /Under (\d+) KB gzipped/.exec(readFileSync(page, "utf8")) ?? []
      const [, largest = ""] =
        /const LARGEST = ([\d_]+)/.exec(readFileSync("test/package/bundle.test.ts", "utf8")) ?? []
      expect(Number(largest.replaceAll("_", ""))).toBeLessThanOrEqual(Number(shown) * 1_000)
    },
  )

  test("begins with a program that runs the work while it holds the lock", async () => {
    await database.command("FLUSHALL")
    const keys: unknown[] = []
    vi.stubGlobal("charge", async () => keys.push(await database.command("KEYS", "*")))
    const [first] = readSnippets("README.md")
    await run("first", first?.code ?? "")
    expect(keys).toEqual([["lock:invoice:42"]])
  })

  test("shows how to catch a lock that is busy", async () => {
    const source = `import { LockManager } from "fetchlock"\nexport const locks = LockManager.fromEnv()`
    vi.stubGlobal("locks", (await run("locks", source))["locks"])
    const log = vi.spyOn(console, "log").mockReturnValue()
    onTestFinished(() => {
      log.mockRestore()
    })
    await database.command("SET", "lock:invoice:42", "another caller", "PX", "60000")
    const [, busy] = readSnippets("README.md")
    await run("busy", busy?.code ?? "")
    await database.command("DEL", "lock:invoice:42")
    expect(log.mock.calls).toEqual([[expect.stringMatching(/^busy, after \d+ ms$/)]])
  })

  test("has a table of problems whose calls run", async () => {
    const ran: string[] = []
    for (const [index, call] of calls.entries()) {
      if (call.startsWith("fetchlock ")) {
        expect(readFileSync("docs/cli.md", "utf8")).toContain(`npx ${call}\n`)
        continue
      }
      const program = await run(
        `call-${index}`,
        `${TABLE_SURROUNDINGS}\nexport const result = await (${call})`,
      )
      if (call.startsWith("app.post")) {
        const app = program["app"] as { request(url: string, init: object): Promise<Response> }
        const [, path = ""] = /"([^"]+)"/.exec(call) ?? []
        const headers = { "Idempotency-Key": "1" }
        expect((await app.request(path, { method: "POST", headers })).status).toBe(200)
      }
      ran.push(...(program["ran"] as string[]))
    }
    expect(ran).toEqual([...RUNS, "readProfile"])
  })

  test("starts a guarded route that is paid once, and refuses the second request", async () => {
    const [, code = ""] = /^```js\n([^]*?)^```$/m.exec(readme) ?? []
    const port = await freePort()
    // The payment takes long enough for a second request on a busy machine.
    const program = code.replace("3000", String(port)).replace("2_000", "4_000")
    await writeFile(join(project.folder, "app.mjs"), program)
    const app = spawn(process.execPath, ["app.mjs"], { cwd: project.folder, stdio: "inherit" })
    onTestFinished(() => {
      app.kill()
    })
    const url = `http://127.0.0.1:${port}`
    const isUp = () =>
      fetch(url).then(
        () => true,
        () => false,
      )
    await until(isUp, { timeout: 20_000 })
    const pay = () => fetch(`${url}/orders/7/pay`, { method: "POST" })
    const responses = await Promise.all([pay(), pay()])
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 423])
    app.kill()
    await once(app, "exit")
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

describe("the map in CONTRIBUTING.md", () => {
  const page = readFileSync("CONTRIBUTING.md", "utf8")

  test("names only files and folders that exist", () => {
    const paths = [...page.matchAll(/`((?:src|test|packages|\.github|\.ci)\/[\w./-]*)`/g)]
    expect(paths.length).toBeGreaterThan(20)
    const missing = paths.map(([, path = ""]) => path).filter((path) => !existsSync(path))
    expect(missing).toEqual([])
  })

  test("names each file and folder at the root of src", () => {
    for (const entry of readdirSync("src", { withFileTypes: true })) {
      const path = `src/${entry.name}${entry.isDirectory() ? "/" : ""}`
      expect(page).toContain(`| \`${path}\``)
    }
  })

  test("names only scripts that package.json has", () => {
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: object }
    const names = [...page.matchAll(/npm run ([\w:]+)/g)].map(([, name = ""]) => name)
    expect(names.length).toBeGreaterThan(5)
    for (const name of names) expect(scripts).toHaveProperty([name])
  })
})

describe("the tables are complete", () => {
  const source = (file: string) => readFileSync(`src/${file}`, "utf8")
  const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name)

  test.each([
    ["options of a call", "options.ts", /^ {2}readonly (\w+)\?:/gm],
    ["options of a manager", "manager-options.ts", /^ {2}readonly (\w+)\?:/gm],
    ["events", "events.ts", /readonly type: "([\w-]+)"/g],
    ["errors", "errors.ts", /^export class (\w+)/gm],
  ])("of %s", (_, file, pattern) => {
    const names = all(source(file), pattern)
    expect(names.length).toBeGreaterThan(1)
    for (const name of names) expect(reference).toMatch(new RegExp(`\`"?${name}"?\``))
  })

  test.each([
    ["a quorum", "quorum.md", "quorum/quorum-options.ts"],
    ["once", "once.md", "once/once-options.ts"],
    ["idempotent routes", "idempotency.md", "http/idempotency-options.ts"],
  ])("of the options of %s", (_, file, types) => {
    const rows = readFileSync(`docs/${file}`, "utf8")
      .match(/^\| `.*$/gm)
      ?.join("\n")
    const options = /^export interface \w+Options\b[^]*?^}/m.exec(source(types))?.[0] ?? ""
    const names = all(options, /^ {2}readonly (\w+)\??:/gm)
    expect(names.length).toBeGreaterThan(1)
    for (const name of names)
      expect(rows).toMatch(new RegExp(`^\\|(?: \`\\w+\`,)* \`${name}\``, "m"))
  })

  test("of the scripts", () => {
    const page = ["scripts", "once"].map((name) => readFileSync(`docs/${name}.md`, "utf8")).join()
    const scripts = readdirSync("src/redis/lua").filter((file) => file.endsWith(".lua"))
    for (const script of scripts) expect(page).toContain(`\`${script.replace(".lua", "")}`)
  })
})
