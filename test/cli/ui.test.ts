// `fetchlock ui`: the page in a real browser, what its server refuses, and what it costs. With `SCREENSHOT=1` the browser's
// test also writes the picture that docs/cli.md shows.
import { once } from "node:events"
import { type IncomingMessage, request as send } from "node:http"
import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { Cost } from "../../src/cli/ui/cost.js"
import { History } from "../../src/cli/ui/history.js"
import { Observer } from "../../src/cli/ui/observer.js"
import { findChromium } from "../support/chromium.js"
import { always, FaultProxy } from "../support/fault-proxy.js"
import { until } from "../support/outcomes.js"
import { type Database, openDatabase } from "../support/variants.js"
import { fetchlock, FetchlockCommand, type Place } from "./fetchlock-command.js"

const CHROMIUM = findChromium()

interface Ui {
  readonly command: FetchlockCommand
  readonly url: string
  readonly port: number
  readonly token: string
}

async function startUi(place: Place, ...args: string[]): Promise<Ui> {
  const command = new FetchlockCommand(place, ["ui", ...args])
  await command.prints(/Ctrl-C/)
  const [url = "", port, token = ""] =
    /http:\/\/127\.0\.0\.1:(\d+)\/#([\w-]+)/.exec(command.out) ?? []
  return { command, url, port: Number(port), token }
}

async function stop({ command }: Ui): Promise<void> {
  command.kill("SIGTERM")
  expect(await command.ended).toMatchObject({ code: 0, err: "" })
}

/** A request as any program can send it, with headers that a browser would not allow. */
async function ask(
  { port }: Ui,
  path: string,
  { headers = {}, method = "GET" }: { headers?: Record<string, string>; method?: string } = {},
  body?: string,
): Promise<{ status: number; headers: IncomingMessage["headers"]; text: string }> {
  const all = { host: `127.0.0.1:${port}`, ...headers }
  const request = send({ host: "127.0.0.1", port, path, method, headers: all })
  request.end(body)
  const [response] = (await once(request, "response")) as [IncomingMessage]
  let text = ""
  for await (const chunk of response.setEncoding("utf8")) text += String(chunk)
  return { status: response.statusCode ?? 0, headers: response.headers, text }
}

/** As the page sends it. */
function post(ui: Ui, path: string, body: object): ReturnType<typeof ask> {
  const headers = {
    authorization: `Bearer ${ui.token}`,
    origin: `http://127.0.0.1:${ui.port}`,
  }
  return ask(ui, path, { method: "POST", headers }, JSON.stringify(body))
}

let database: Database
let locks: LockManager

beforeAll(async () => {
  database = await openDatabase("embedded engine")
  locks = new LockManager({ redis: database, clientId: "tester" })
})
afterAll(() => database.close())

describe("the server of the page", () => {
  let ui: Ui
  beforeAll(async () => {
    ui = await startUi(database)
  })
  afterAll(() => stop(ui))

  const authorized = () => ({ authorization: `Bearer ${ui.token}` })

  test("gives data to requests with its token alone", async () => {
    expect((await ask(ui, "/api/state", { headers: authorized() })).status).toBe(200)
    const wrong = [
      {},
      { authorization: "Bearer " },
      { authorization: `Bearer ${"x".repeat(ui.token.length)}` },
      { authorization: ui.token },
      { cookie: `token=${ui.token}` },
    ]
    for (const headers of wrong) {
      expect((await ask(ui, "/api/state", { headers })).status).toBe(401)
      expect((await ask(ui, `/api/state?token=${ui.token}`, { headers })).status).toBe(401)
    }
    expect(ui.token).toMatch(/^[\w-]{32}$/)
  })

  test("refuses a foreign Host, as DNS rebinding sends it", async () => {
    for (const host of [
      "evil.example",
      `evil.example:${ui.port}`,
      "127.0.0.1",
      `127.0.0.1.evil.example:${ui.port}`,
    ]) {
      for (const path of ["/", "/app.js", "/api/state"]) {
        const { status, text } = await ask(ui, path, { headers: { ...authorized(), host } })
        expect({ host, status }).toMatchObject({ status: 403 })
        expect(text).not.toContain("<html")
      }
    }
    const host = `localhost:${ui.port}`
    expect((await ask(ui, "/", { headers: { host } })).status).toBe(200)
  })

  test("refuses a foreign origin, and a POST without one", async () => {
    const end = (headers: Record<string, string>) =>
      ask(
        ui,
        "/api/end",
        { method: "POST", headers: { ...authorized(), ...headers } },
        '{"name":"x"}',
      )
    await using held = await locks.acquire("x")
    for (const headers of [
      {},
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: `http://127.0.0.1:${ui.port + 1}` },
      { origin: `http://127.0.0.1:${ui.port}`, "sec-fetch-site": "cross-site" },
      { origin: `http://127.0.0.1:${ui.port}`, "sec-fetch-site": "same-site" },
    ]) {
      expect((await end(headers)).status).toBe(403)
    }
    const evil = { ...authorized(), origin: "https://evil.example" }
    expect((await ask(ui, "/api/state", { headers: evil })).status).toBe(403)
    expect(held.remainingMs).toBeGreaterThan(0)
    expect((await locks.inspect("x")).isHeld).toBe(true)
  })

  test("sends a strict policy with everything, and only its own files", async () => {
    for (const path of ["/", "/app.js", "/style.css", "/icon.svg", "/api/state"]) {
      const { status, headers, text } = await ask(ui, path, { headers: authorized() })
      expect(status).toBe(200)
      expect(headers["content-security-policy"]).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self'/,
      )
      expect(headers["content-security-policy"]).not.toMatch(/unsafe|data:|https?:/)
      expect(headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "x-frame-options": "DENY",
      })
      expect(text.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:\/\//)
    }
    for (const path of [
      "/../package.json",
      "/%2e%2e/main.cjs",
      "/page/index.html",
      "//evil",
      "/constructor",
    ]) {
      expect((await ask(ui, path, { headers: authorized() })).status).toBe(404)
    }
  })

  test("survives requests that are not valid", async () => {
    const headers = { ...authorized(), origin: `http://127.0.0.1:${ui.port}` }
    for (const body of [
      "",
      "{",
      "null",
      "[]",
      '{"name":5}',
      '{"name":"x","holdIds":[1]}',
      "x".repeat(200_000),
    ]) {
      const { status } = await ask(ui, "/api/end", { method: "POST", headers }, body)
      expect(status).toBe(400)
    }
    for (const query of [
      "page=-5",
      "page=1e9",
      "page=x",
      "filter=%00",
      `filter=${"y".repeat(9_000)}`,
    ]) {
      const { status, text } = await ask(ui, `/api/state?${query}`, { headers: authorized() })
      expect(status).toBe(200)
      expect(JSON.parse(text)).toMatchObject({ page: 0 })
    }
  })

  test.each(["exclusive", "shared"] as const)(
    "ends a hold only if it is still the one that was seen, also among those of one client: %s",
    async (mode) => {
      const name = `swapped-${mode}`
      const seen = async () => {
        const { text } = await post(ui, "/api/look", { name })
        const { holders, holdIds } = JSON.parse(text) as { holders: object[]; holdIds: string[] }
        expect(holders).toMatchObject([{ clientId: "tester" }])
        return holdIds
      }
      const end = async (holdIds: string[]) =>
        (await post(ui, "/api/end", { name, holdIds })).status
      const first = await locks.acquire(name, { mode })
      const old = await seen()
      await first.release()
      const lock = await locks.acquire(name, { mode, watch: true })
      for (const ids of [[], ["x"], old]) expect(await end(ids)).toBe(409)
      expect((await locks.inspect(name)).isHeld).toBe(true)
      expect(await end(await seen())).toBe(200)
      await until(() => lock.signal.aborted)
      // Nobody holds it any more.
      for (const ids of [[], old]) expect(await end(ids)).toBe(409)
    },
  )
})

test("a hold that changes hands while the request to end it is on its way is not ended", async () => {
  const proxy = await FaultProxy.open(database.url)
  const ui = await startUi({ ...database, url: proxy.url })
  try {
    const name = "on-its-way"
    const first = await locks.acquire(name)
    const { text } = await post(ui, "/api/look", { name })
    const { holdIds } = JSON.parse(text) as { holdIds: string[] }
    proxy.plan = always("steal", { kind: "request-delayed", ms: 1_000 })
    const ending = post(ui, "/api/end", { name, holdIds })
    await until(() => proxy.seen("steal").length > 0)
    await first.release()
    await using second = await locks.acquire(name, { watch: true })
    expect((await ending).status).toBe(409)
    expect(await locks.query({ name })).toMatchObject({ held: [{ clientId: "tester" }] })
    expect(second.signal.aborted).toBe(false)
  } finally {
    await stop(ui)
    await proxy.close()
  }
})

test("a database that is down, or refuses to be scanned, is not shown as one without locks", async () => {
  const proxy = await FaultProxy.open(database.url)
  try {
    const redis = { url: proxy.url, token: database.token }
    const observer = new Observer(new LockManager({ redis, timeout: "2s" }), 1_000)
    const state = () => observer.state({ filter: "", page: 0 })
    proxy.plan = () => ({ kind: "request-lost" })
    expect((await state()).error).toContain("could not query")
    const body = '[{"error":"NOPERM no permission to run SCAN"},{"result":"n"}]'
    proxy.plan = () => ({ kind: "replaced", executed: false, status: 200, body })
    await until(async () => String((await state()).error).includes("NOPERM"), { timeout: 10_000 })
    expect((await state()).error).toContain("NOPERM")
    proxy.plan = () => undefined
    await until(async () => (await state()).isScanned, { timeout: 10_000 })
    expect((await state()).error).toBeUndefined()
    // The names are known by now, and reading the locks fails.
    await using lock = await locks.acquire("known")
    await until(async () => (await state()).known > 0, { timeout: 10_000 })
    proxy.plan = always("snapshot", { kind: "request-lost" })
    await until(async () => (await state()).error !== undefined, { timeout: 10_000 })
    expect(lock.remainingMs).toBeGreaterThan(0)
  } finally {
    await proxy.close()
  }
})

test("a port that is taken, or none, is refused with 64", async () => {
  const ui = await startUi(database)
  const taken = await fetchlock(database, ["ui", "--port", String(ui.port)])
  expect(taken).toMatchObject({
    code: 64,
    out: "",
    err: `fetchlock: --port: cannot listen on 127.0.0.1:${ui.port}: EADDRINUSE\n`,
  })
  expect((await fetchlock(database, ["ui", "--port", "65536"])).code).toBe(64)
  await stop(ui)
})

describe("a database with 10,000 names", () => {
  let large: Database
  beforeAll(async () => {
    large = await openDatabase("embedded engine")
    const headers = { Authorization: `Bearer ${large.token}` }
    for (let from = 0; from < 10_000; from += 1_000) {
      const commands = Array.from({ length: 1_000 }, (_, i) => {
        const name = String(from + i).padStart(5, "0")
        return ["SET", `lock:order:${name}`, `fl_client${name}_${"x".repeat(24)}`, "PX", "600000"]
      })
      await fetch(`${large.url}/pipeline`, {
        method: "POST",
        headers,
        body: JSON.stringify(commands),
      })
    }
  })
  afterAll(() => large.close())

  test("is neither scanned nor read when the allowance is used up, however often a page asks", async () => {
    const observer = new Observer(new LockManager({ redis: large }), 1)
    const startedAt = performance.now()
    const ask = () => observer.state({ filter: "", page: 0 })
    for (let i = 0; i < 20; i++) {
      await Promise.all([ask(), ask()])
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const { cost, isScanned, nextMs } = await ask()
    const seconds = (performance.now() - startedAt) / 1_000
    // The burst, and one request that overdraws it.
    expect(cost.total).toBeLessThanOrEqual(5 + 2 + seconds)
    expect(isScanned).toBe(false)
    expect(nextMs).toBeGreaterThanOrEqual(1_000)
  })

  test("is shown in pages, filtered, and costs no more commands than allowed", async () => {
    const proxy = await FaultProxy.open(large.url)
    const ui = await startUi({ ...large, url: proxy.url }, "--commands-per-second", "40")
    const state = async (query: string) => {
      const { text } = await ask(ui, `/api/state?${query}`, {
        headers: { authorization: `Bearer ${ui.token}` },
      })
      return JSON.parse(text) as {
        locks: { name: string; holders: { clientId: string }[] }[]
        known: number
        matching: number
        pages: number
        isScanned: boolean
        nextMs: number
        cost: { total: number }
      }
    }
    const startedAt = performance.now()
    try {
      // Far more often than the page would ask.
      await until(async () => (await state("")).isScanned, { timeout: 10_000 })
      expect(await state("")).toMatchObject({ known: 10_000, matching: 10_000, pages: 500 })
      const isRead = async () => (await state("filter=ORDER:09999")).locks.length === 1
      await until(isRead, { timeout: 10_000 })
      const { locks: found, matching } = await state("filter=ORDER:09999")
      expect(matching).toBe(1)
      expect(found).toMatchObject([{ name: "order:09999", holders: [{ clientId: "client09999" }] }])
      while (performance.now() - startedAt < 4_000) await state("page=3")
      const { cost } = await state("page=3")
      const seconds = (performance.now() - startedAt) / 1_000
      // The burst at the beginning, and one reading of a page that overdraws.
      expect(cost.total).toBeLessThanOrEqual(40 * (seconds + 5) + 100)
      expect(proxy.log.length).toBeLessThan(cost.total)
    } finally {
      await stop(ui)
      await proxy.close()
    }
  })
})

test("the allowance of commands refills with time, and may be overdrawn once", () => {
  let now = 0
  const cost = new Cost(10, () => now)
  expect(cost.pauseMs).toBe(0)
  cost.spend(70)
  expect(cost.pauseMs).toBeGreaterThanOrEqual(2_000)
  expect(cost.pauseMs).toBeLessThan(2_010)
  now = 2_010
  expect(cost.pauseMs).toBe(0)
  now = 120_000
  expect(cost.lastMinute).toBe(0)
  expect(cost.total).toBe(70)
})

test("the history joins readings of one holder, and forgets after five minutes", () => {
  const history = new History()
  const lock = (...clients: string[]) => ({
    name: "n",
    holders: clients.map((clientId) => ({ clientId, mode: "exclusive" as const, remainingMs: 1 })),
    waiters: [],
    fencingToken: null,
  })
  history.record(lock("a"), 1_000)
  history.record(lock("a"), 2_000)
  history.record(lock(), 3_000)
  history.record(lock("a"), 4_000)
  history.record(lock("b"), 5_000)
  expect(history.of("n").segments).toEqual([
    { clientId: "a", fromMs: 1_000, toMs: 2_000 },
    { clientId: "a", fromMs: 4_000, toMs: 4_000 },
    { clientId: "b", fromMs: 5_000, toMs: 5_000 },
  ])
  // Nobody looked for a minute.
  history.record(lock("b"), 65_000)
  expect(history.of("n").segments.at(-1)).toMatchObject({ fromMs: 65_000, toMs: 65_000 })
  history.clean(400_000)
  expect(history.of("n")).toEqual({ segments: [], samples: [] })
})

describe("the history of a shared lock", () => {
  const reading = (...clientIds: string[]) => ({
    name: "n",
    holders: clientIds.map((clientId) => ({ clientId, mode: "shared" as const, remainingMs: 1 })),
    waiters: [],
    fencingToken: null,
  })

  test("forgets holds that ended long ago also behind one that lasts", () => {
    const history = new History()
    for (let i = 0; i <= 1_000; i++) history.record(reading("long", `short-${i}`), i * 1_000)
    const { segments } = history.of("n")
    expect(segments[0]).toMatchObject({ clientId: "long", fromMs: 0, toMs: 1_000_000 })
    expect(segments).toHaveLength(1 + 301)
  })

  test("tells two holds of one client apart", () => {
    const history = new History()
    for (let i = 0; i < 10; i++) history.record(reading("same", "same"), i * 1_000)
    expect(history.of("n").segments).toMatchObject([
      { clientId: "same", fromMs: 0, toMs: 9_000 },
      { clientId: "same", fromMs: 0, toMs: 9_000 },
    ])
  })

  test("keeps no more than a page can draw: the latest, and those that last", () => {
    const history = new History()
    for (let i = 0; i < 100; i++) {
      const short = Array.from({ length: 99 }, (_, n) => `short-${i}-${n}`)
      history.record(reading("long", ...short), i * 1_000)
    }
    const { segments } = history.of("n")
    expect(segments).toHaveLength(1_000)
    expect(segments[0]).toMatchObject({ clientId: "long", fromMs: 0, toMs: 99_000 })
    expect(segments.at(-1)).toMatchObject({ clientId: "short-99-98" })
  })
})

describe.skipIf(CHROMIUM === undefined)("the page in Chromium", () => {
  let browser: Browser
  let ui: Ui
  const running: FetchlockCommand[] = []
  const run = (name: string, ...options: string[]) => {
    const command = new FetchlockCommand(database, ["run", name, ...options, "--", "sleep", "600"])
    running.push(command)
    return command
  }

  beforeAll(async () => {
    const args = process.getuid?.() === 0 ? ["--no-sandbox"] : []
    browser = await chromium.launch({ executablePath: CHROMIUM ?? "", args })
    ui = await startUi(database, "--commands-per-second", "200")
  })
  afterAll(async () => {
    for (const command of running) command.kill("SIGTERM")
    await Promise.all(running.map(({ ended }) => ended))
    await browser.close()
    await stop(ui)
  })

  /** Fails if the page logs an error, a policy blocks anything, or it asks any other server. */
  async function open(
    options: Parameters<Browser["newPage"]>[0] = {},
  ): Promise<{ page: Page; close: (...expected: readonly unknown[]) => Promise<void> }> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 640 }, ...options })
    const problems: string[] = []
    page.on("console", (message) => problems.push(message.text()))
    page.on("pageerror", (error) => problems.push(error.message))
    page.on("request", (request) => {
      if (!request.url().startsWith(`http://127.0.0.1:${ui.port}/`)) problems.push(request.url())
    })
    page.on("dialog", (dialog) => {
      problems.push(dialog.message())
      void dialog.dismiss()
    })
    await page.goto(ui.url)
    const close = async (...expected: readonly unknown[]) => {
      await page.close()
      expect(problems).toEqual(expected)
    }
    return { page, close }
  }

  test(
    "shows holders and queues live, and ends a hold after a second look",
    { timeout: 60_000 },
    async () => {
      const holder = run("deploy:api", "--reason", "release 42", "--ttl", "3s")
      await until(async () => (await locks.inspect("deploy:api")).isHeld)
      const waiter = run("deploy:api", "--reason", "release 43")
      await waiter.prints(/waiting/)
      const { page, close } = await open()
      const row = page.locator("#locks tr", { hasText: "deploy:api" })
      await row.getByText("release 42").waitFor()
      await row.getByText("1 waiting").waitFor()
      await row.getByText(/exclusive · fencing token \d+/).waitFor()
      await row.getByText(/\d\.\ds left/).waitFor()
      expect(await row.locator("ol.first li").first().textContent()).toMatch(
        /-\w{6}, [\d.]+s: release 43/,
      )
      // It comes by itself.
      const other = run("migrate:db", "--reason", "add an index")
      await page.locator("#locks tr", { hasText: "migrate:db" }).getByText("add an index").waitFor()
      expect(await page.locator("#cost").textContent()).toMatch(
        /commands\/s \(at most 200\) · [\d,]+ commands so far/,
      )
      // The token is gone from the address, and a reload works all the same.
      expect(page.url()).toBe(`http://127.0.0.1:${ui.port}/`)
      await page.reload()
      await row.getByText("release 42").waitFor()
      expect(await row.locator("svg rect").count()).toBeGreaterThan(1)
      // The labels of the axis stand in one line, each at the line of its minute.
      const boxes = await Promise.all(
        (await page.locator(".axis i").all()).map((label) => label.boundingBox()),
      )
      expect(new Set(boxes.map((box) => box?.y)).size).toBe(1)
      const steps = boxes
        .slice(1, 5)
        .map((box, at) => Math.round((box?.x ?? 0) - (boxes[at]?.x ?? 0)))
      expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(1)

      // By keyboard alone: the safe answer has the focus first.
      await row.getByRole("button", { name: "End the hold of deploy:api…" }).focus()
      await page.keyboard.press("Enter")
      await page.getByRole("dialog").getByText("release 42").waitFor()
      expect(await page.evaluate(() => document.activeElement?.id)).toBe("end-cancel")
      await page.keyboard.press("Escape")
      expect((await locks.inspect("deploy:api")).waiting).toBe(1)
      await row.getByRole("button").last().click()
      await page.getByRole("dialog").getByText("release 42").waitFor()
      await page.keyboard.press("Tab")
      await page.keyboard.press("Enter")
      await page.getByText("The hold of deploy:api was ended.").waitFor()
      await row.getByText("release 43").waitFor()
      expect(await holder.ended).toMatchObject({ code: 79 })
      await close()
      other.kill("SIGTERM")
      waiter.kill("SIGTERM")
    },
  )

  test(
    "does not end a hold that has changed hands since the second look",
    { timeout: 60_000 },
    async () => {
      const first = await locks.acquire("relay")
      const { page, close } = await open()
      const row = page.locator("#locks tr", { hasText: "relay" })
      await row.getByRole("button").last().click()
      await page.getByRole("dialog").getByText("tester").waitFor()
      await first.release()
      await using second = await new LockManager({
        redis: database,
        clientId: "successor",
      }).acquire("relay")
      await page.getByRole("button", { name: "End the hold", exact: true }).click()
      await page.getByText("It has changed hands meanwhile").waitFor()
      await page.getByRole("dialog").getByText("successor").waitFor()
      expect((await locks.inspect("relay")).isHeld).toBe(true)
      expect(second.remainingMs).toBeGreaterThan(0)
      // The browser itself logs the status.
      await close(expect.stringContaining("409"))
    },
  )

  test("shows names and reasons as text, whatever they contain", { timeout: 60_000 }, async () => {
    const evil = '<img src=x onerror="alert(1)">"\'&amp;{{7*7}}\u202e\u0000\u001b[31m'
    const script = "</template><script>alert(2)</script>"
    run("plain", "--reason", script)
    await using lock = await locks.acquire(script)
    await using other = await locks.acquire(evil)
    await until(async () => (await locks.inspect("plain")).isHeld)
    const { page, close } = await open()
    await page.getByText('<img src=x onerror="alert(1)">').waitFor()
    await page.getByText(script).first().waitFor()
    expect(await page.locator("#locks img, #locks script").count()).toBe(0)
    const name = await page.locator(".name", { hasText: "<img" }).textContent()
    expect(name).toContain("\\u{202e}\\u{0}\\u{1b}[31m")
    expect([lock.remainingMs, other.remainingMs]).not.toContain(0)
    await close()
  })

  test(
    "says what is wrong without a token, and when the program has ended",
    { timeout: 60_000 },
    async () => {
      const own = await startUi(database)
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${own.port}/`)
      await page
        .getByRole("alert")
        .getByText("open the address that `fetchlock ui` has printed")
        .waitFor()
      await page.goto(own.url)
      await page.reload()
      await page.getByText("held", { exact: false }).first().waitFor()
      await stop(own)
      await page.getByRole("alert").getByText("Has it ended?").waitFor()
      await page.close()
    },
  )

  test("pauses, filters and turns pages by keyboard", { timeout: 60_000 }, async () => {
    for (let i = 0; i < 25; i++) {
      await database.command("SET", `lock:page:${String(i).padStart(2, "0")}`, "x", "PX", "60000")
    }
    const { page, close } = await open()
    await page.getByLabel("Filter by name").focus()
    await page.keyboard.type("PAGE:")
    await page.getByText("Page 1 of 2").waitFor()
    await page.locator("#locks tr", { hasText: "page:19" }).waitFor()
    await page.getByRole("button", { name: "Next" }).press("Enter")
    await page.locator("#locks tr", { hasText: "page:24" }).waitFor()
    expect(await page.locator("#locks tr").count()).toBe(5)
    expect(await page.getByRole("button", { name: "Next" }).isDisabled()).toBe(true)
    const pause = page.getByRole("button", { name: "Pause" })
    await pause.press("Space")
    expect(await pause.getAttribute("aria-pressed")).toBe("true")
    await page.getByLabel("Filter by name").fill("no such name")
    await page.getByText("No name matches the filter.").waitFor()
    await close()
  })

  test.each(["light", "dark"] as const)(
    "has enough contrast, names for all controls, and no motion that was not wanted: %s",
    { timeout: 60_000 },
    async (colorScheme) => {
      await using lock = await locks.acquire("contrast")
      const { page, close } = await open({ colorScheme, reducedMotion: "reduce" })
      await page.locator("#locks tr", { hasText: "contrast" }).waitFor()
      const findings = await page.evaluate(() => {
        const rgb = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number)
        const luminance = (color: string) => {
          const [r = 0, g = 0, b = 0] = rgb(color).map((part) => {
            const value = part / 255
            return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
          })
          return 0.2126 * r + 0.7152 * g + 0.0722 * b
        }
        const backOf = (from: Element | null): string => {
          for (let one = from; one; one = one.parentElement) {
            const { backgroundColor } = getComputedStyle(one)
            if (rgb(backgroundColor)[3] !== 0) return backgroundColor
          }
          return "rgb(255, 255, 255)"
        }
        const texts = [
          ...document.querySelectorAll("h1, p, th, td, small, bdi, label, button, span, li"),
        ]
        const lowest = texts
          .filter((one) => one.textContent.trim() !== "" && !one.closest("dialog"))
          .map((one) => {
            const [a, b] = [luminance(getComputedStyle(one).color), luminance(backOf(one))]
            return {
              text: one.textContent,
              ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05),
            }
          })
          .filter(({ ratio }) => ratio < 4.5)
        const unnamed = [...document.querySelectorAll("button, input, svg[role=img]")].filter(
          (one) => {
            const label = one.getAttribute("aria-label") ?? one.textContent
            return label.trim() === "" && document.querySelector(`label[for="${one.id}"]`) === null
          },
        )
        const moving = [...document.querySelectorAll("*")].filter((one) => {
          return getComputedStyle(one).transitionDuration !== "0s"
        })
        return { lowest, unnamed: unnamed.length, moving: moving.length }
      })
      expect(findings).toEqual({ lowest: [], unnamed: 0, moving: 0 })
      expect(lock.remainingMs).toBeGreaterThan(0)
      await close()
    },
  )

  test.runIf(process.env["SCREENSHOT"])("is drawn for the docs", { timeout: 150_000 }, async () => {
    for (let i = 41; i < 48; i++) {
      const reason = `release ${i}`
      const args = ["run", "deploy:api", "--reason", reason, "--", "sleep", String(8 + (i % 4) * 9)]
      const command = new FetchlockCommand(database, args)
      running.push(command)
      await new Promise((resolve) => setTimeout(resolve, 700))
    }
    run("migrate:orders", "--reason", "add an index")
    for (let i = 0; i < 3; i++) run("reports:export", "--permits", "3")
    await database.command("SET", "lock:legacy-worker", "a token of another program")
    const { page, close } = await open({ viewport: { width: 1280, height: 560 } })
    await new Promise((resolve) => setTimeout(resolve, 80_000))
    await page.screenshot({ path: "docs/ui.png" })
    await database.command("DEL", "lock:legacy-worker")
    await close()
  })
})
