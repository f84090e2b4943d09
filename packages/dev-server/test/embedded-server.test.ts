// The server without a port, in this process and in a real browser.
import { readFile } from "node:fs/promises"
import { createRequire, isBuiltin } from "node:module"
import { gzipSync } from "node:zlib"
import { type BuildResult, build } from "esbuild"
import { chromium } from "playwright-core"
import { beforeAll, describe, expect, test } from "vitest"
import { findChromium } from "../../../test/support/chromium.js"
import { LockManager, LockTimeoutError } from "../../../src/index.js"
import { openEmbeddedServer } from "../src/embedded-server.js"
import { type Outcome, useServer } from "./embedded-program.js"

const MACHINE = createRequire(import.meta.url).resolve("wasmoon-lua5.1/dist/liblua5.1.wasm")

/** The modules that the Lua machine imports, but only where there is a `process.versions.node`. */
const OF_THE_MACHINE = ["module", "url"]

const EXPECTED: Outcome = {
  order: ["a", "b", "c", "d"],
  mostAtOnce: 1,
  streams: 3,
  bytes: "AP+A77u/",
  digest: "bf15be717ac1b080b4f1c456692825891ff5073d",
  json: "ü",
  afterAbort: "data: subscribe,news,1\n\nenough, enough",
}

describe("the server without a port", () => {
  test("serves locks, streams and scripts in this process", async () => {
    expect(await useServer()).toEqual(EXPECTED)
  })

  test("has its own data and its own token", async () => {
    const [one, other] = await Promise.all([openEmbeddedServer(), openEmbeddedServer()])
    expect(one.token).toMatch(/^[\w+/]{32}$/)
    expect(one.token).not.toBe(other.token)
    const managerOf = ({ url, token, fetch }: typeof one) =>
      new LockManager({ redis: { url, token }, fetch, wait: 0, renew: false })
    await managerOf(one).acquire("mine")
    await expect(managerOf(one).acquire("mine")).rejects.toThrow(LockTimeoutError)
    expect(await managerOf(other).tryAcquire("mine")).not.toBeNull()
    const { status } = await one.fetch(one.url, {
      headers: { Authorization: `Bearer ${other.token}` },
    })
    expect(status).toBe(401)
  })

  test("ends its streams when it is closed", async () => {
    const { url, token, fetch, close } = await openEmbeddedServer()
    const headers = { Authorization: `Bearer ${token}` }
    const response = await fetch(`${url}/subscribe/news`, { headers })
    close()
    expect(await response.text()).toBe("data: subscribe,news,1\n\n")
  })

  test("refuses a keep-alive that is not a time", async () => {
    await expect(openEmbeddedServer({ keepAlive: 0 })).rejects.toThrow(
      new RangeError("keepAlive: must be 1 to 2147483647 ms, got 0"),
    )
  })
})

describe("bundled for a browser", () => {
  let bundle: BuildResult<{ write: false; metafile: true }>

  beforeAll(async () => {
    bundle = await build({
      stdin: {
        contents: `export { useServer } from "./embedded-program.js"`,
        resolveDir: import.meta.dirname,
      },
      bundle: true,
      minify: true,
      format: "iife",
      globalName: "program",
      platform: "browser",
      target: "es2022",
      external: OF_THE_MACHINE,
      write: false,
      metafile: true,
    })
  })

  test("it needs no module of Node, and no Buffer", () => {
    const { inputs, outputs } = bundle.metafile
    const imported = Object.entries(inputs).flatMap(([file, { imports }]) =>
      imports.filter(({ path }) => isBuiltin(path)).map(({ path }) => `${file} ${path}`),
    )
    const machine = "node_modules/wasmoon-lua5.1/dist/index.js"
    expect(new Set(imported)).toEqual(new Set(OF_THE_MACHINE.map((name) => `${machine} ${name}`)))
    const ours = Object.keys(inputs).filter((file) => file.startsWith("packages/dev-server/src"))
    expect(ours.length).toBeGreaterThan(30)
    for (const file of ["listen", "options", "server", "engine-redis"]) {
      expect(ours).not.toContain(`packages/dev-server/src/${file}.ts`)
    }
    expect(Object.keys(outputs)).toHaveLength(1)
  })

  test("it is small", async ({ annotate }) => {
    const sizes = [bundle.outputFiles[0]?.contents ?? "", await readFile(MACHINE)].map(
      (content) => gzipSync(content, { level: 9 }).length,
    )
    const total = sizes.reduce((sum, size) => sum + size)
    expect(total).toBeGreaterThan(50_000)
    expect(total).toBeLessThan(215_000)
    return annotate(`${sizes.join(" + ")} bytes gzipped, with fetchlock`)
  })

  test.skipIf(!findChromium())(
    "it serves locks, streams and scripts in Chromium, without any request to the network",
    { timeout: 60_000 },
    async () => {
      const browser = await chromium.launch({ executablePath: findChromium() ?? "" })
      try {
        const page = await browser.newPage()
        const requests: string[] = []
        const errors: string[] = []
        page.on("pageerror", ({ message }) => errors.push(message))
        page.on("console", (message) => message.type() === "error" && errors.push(message.text()))
        await page.route("**/*", async (route) => {
          const url = new URL(route.request().url())
          requests.push(url.pathname)
          if (url.pathname === "/lua.wasm")
            await route.fulfill({ contentType: "application/wasm", body: await readFile(MACHINE) })
          else await route.fulfill({ contentType: "text/html", body: "<!doctype html><title>x" })
        })
        await page.goto("http://page.test/")
        await page.addScriptTag({ content: bundle.outputFiles[0]?.text ?? "" })
        expect(await page.evaluate("program.useServer('/lua.wasm')")).toEqual(EXPECTED)
        expect(errors).toEqual([])
        expect(requests).toEqual(["/", "/lua.wasm"])
      } finally {
        await browser.close()
      }
    },
  )
})
