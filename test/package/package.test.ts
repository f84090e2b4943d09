// The packed package, installed into an empty folder as a user installs it.
import { execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"

/** Kilobytes on disk, whole blocks counted. */
const LARGEST_KB = 1_500

let folder: string
let installed: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fetchlock-installed-"))
  installed = join(folder, "node_modules", "fetchlock")
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder]
  const packed = execFileSync("npm", pack, { encoding: "utf8" })
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }]
  await writeFile(join(folder, "package.json"), "{}")
  // Offline: there is nothing to fetch.
  const install = ["install", "--offline", "--no-audit", "--no-fund", join(folder, filename)]
  execFileSync("npm", install, { cwd: folder, stdio: "pipe" })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test("installing fetchlock adds one package and runs no script", async () => {
  const names = (await readdir(join(folder, "node_modules"))).filter(
    (name) => !name.startsWith("."),
  )
  expect(names).toEqual(["fetchlock"])
  const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as {
    scripts: object
    dependencies?: object
  }
  expect(manifest.dependencies).toBeUndefined()
  for (const script of ["preinstall", "install", "postinstall", "prepare"]) {
    expect(manifest.scripts).not.toHaveProperty(script)
  }
})

test("fetchlock is small on disk", ({ annotate }) => {
  const size = Number.parseInt(execFileSync("du", ["-sk", installed], { encoding: "utf8" }))
  expect(size).toBeGreaterThan(100)
  expect(size).toBeLessThan(LARGEST_KB)
  return annotate(`${String(size)} kB`)
})

describe("from CommonJS", () => {
  const program = `
    const { LockManager } = require("fetchlock")
    const { once } = require("fetchlock/once")
    const locks = new LockManager({ redis: { url: "http://127.0.0.1:1", token: "token" } })
    console.log(typeof locks.acquire, typeof once)`
  const run = (source: string, ...flags: string[]) => {
    const args = [...flags, "--input-type=commonjs", "-e", source]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: folder,
      encoding: "utf8",
    })
    return { status, stdout, stderr }
  }

  test("`require` loads the package, without a warning", () => {
    expect(run(program)).toEqual({ status: 0, stdout: "function function\n", stderr: "" })
  })

  test("`require` fails with a clear error on a Node that cannot load ES modules by it", () => {
    const { status, stderr } = run(program, "--no-experimental-require-module")
    expect(status).toBe(1)
    expect(stderr).toContain("ERR_REQUIRE_ESM")
    expect(stderr).toContain("node_modules/fetchlock/dist/index.js")
  })

  test("`import()` loads the package on any Node", () => {
    const source = `import("fetchlock").then(({ LockManager }) => console.log(LockManager.name))`
    const { status, stdout } = run(source, "--no-experimental-require-module")
    expect({ status, stdout }).toEqual({ status: 0, stdout: "LockManager\n" })
  })
})

describe("the command fetchlock", () => {
  const command = () => join(folder, "node_modules", ".bin", "fetchlock")
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(command(), args, { cwd: folder, encoding: "utf8" })
    return { status, stdout, stderr }
  }

  test("prints its version and its usage", async () => {
    const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string }
    expect(run("--version")).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" })
    expect(run("--help")).toMatchObject({ status: 0, stderr: "" })
    expect(run("--help").stdout).toContain("dev ")
  })

  test("fails with one line on an unknown command", () => {
    const stderr = 'fetchlock: unknown command "nope", see fetchlock --help\n'
    expect(run("nope")).toEqual({ status: 64, stdout: "", stderr })
  })

  test("prints in one line how to install the local server if `dev` does not find it", () => {
    const stderr =
      "fetchlock: the local server is not installed; run: npm i -D @fetchlock/dev-server\n"
    expect(run("dev", "--port", "0")).toEqual({ status: 1, stdout: "", stderr })
  })

  test("starts the local server with `dev` if it is installed", async () => {
    const scope = join(folder, "node_modules", "@fetchlock")
    await mkdir(scope)
    await symlink(resolve("packages/dev-server"), join(scope, "dev-server"))
    try {
      expect(run("dev", "--help").stdout).toContain("Usage: fetchlock dev [options]")
      const child = spawn(command(), ["dev", "--port", "0", "--token", "sesame"], { cwd: folder })
      const exit = once(child, "close")
      let out = ""
      for await (const chunk of child.stdout.setEncoding("utf8")) {
        out += String(chunk)
        if (out.includes("Ctrl-C")) child.kill("SIGTERM")
      }
      expect(out).toMatch(/^fetchlock dev is listening on http:/)
      expect(out).toContain("UPSTASH_REDIS_REST_TOKEN=sesame\n")
      expect(await exit).toEqual([0, null])
    } finally {
      await rm(scope, { recursive: true })
    }
  })
})
