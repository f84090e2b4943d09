// `fetchlock run`: the lock around a command, its exit code, its streams, and signals.
import { spawn, spawnSync } from "node:child_process"
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { always, FaultProxy, inOrder } from "../support/fault-proxy.js"
import { until } from "../support/outcomes.js"
import { type Database, openDatabase } from "../support/variants.js"
import { fetchlock, FetchlockCommand, node } from "./fetchlock-command.js"

let database: Database
let locks: LockManager
let folder: string

beforeAll(async () => {
  database = await openDatabase("embedded engine")
  locks = new LockManager({ redis: database })
  folder = await mkdtemp(join(tmpdir(), "fetchlock-cli-"))
})
afterAll(async () => {
  await database.close()
  await rm(folder, { recursive: true, force: true })
})

const keysOf = (name: string) => database.command("KEYS", `*lock:${name}*`)
const run = (name: string, ...rest: string[]) => fetchlock(database, ["run", name, ...rest])
const start = (name: string, ...rest: string[]) =>
  new FetchlockCommand(database, ["run", name, ...rest])

/** Prints `ready`, and then stays. With `deaf`, it ignores SIGTERM. */
const staying = (deaf = false) => [
  ...[
    "--",
    ...node(`${deaf ? 'process.on("SIGTERM", () => 0);' : ""}
    console.log("ready " + process.pid); setTimeout(() => 0, 60_000)`),
  ],
]

describe("`fetchlock run`", () => {
  test("holds the lock while the command runs, and frees it afterwards", async () => {
    const command = start("around", ...staying())
    await command.prints(/ready/)
    expect(await locks.inspect("around")).toMatchObject({ isHeld: true })
    command.kill("SIGTERM")
    await command.ended
    expect(await locks.inspect("around")).toMatchObject({ isHeld: false })
  })

  test("costs two requests without contention", async () => {
    const proxy = await FaultProxy.open(database.url)
    try {
      const { url } = proxy
      const { code } = await fetchlock({ ...database, url }, ["run", "cheap", "--", "true"])
      expect(code).toBe(0)
      expect(proxy.log.map(({ operations }) => operations)).toEqual([["acquire"], ["release"]])
    } finally {
      await proxy.close()
    }
  })

  test("ends with the command's exit code", async () => {
    for (const code of [0, 1, 42, 255]) {
      const ended = await run(`code-${code}`, "--", ...node(`process.exit(${code})`))
      expect(ended).toEqual({ code, signal: null, out: "", err: "" })
    }
  })

  test("ends by the signal that ended the command", async () => {
    const ended = await run("killed", "--", ...node('process.kill(process.pid, "SIGTERM")'))
    expect(ended).toMatchObject({ code: null, signal: "SIGTERM" })
    expect(await run("aborted", "--", ...node("process.abort()"))).toMatchObject({ code: 134 })
    const killed = await run("killed-9", "--", ...node('process.kill(process.pid, "SIGKILL")'))
    expect(killed).toMatchObject({ code: 137, signal: null })
  })

  test("gives stdin, stdout and stderr to the command, byte by byte", async () => {
    const input = `${"ü\0".repeat(50_000)}\n`
    const program = 'process.stdin.pipe(process.stdout); console.error("mine")'
    const args = ["run", "streams", "--", ...node(program)]
    const ended = await fetchlock(database, args, { input })
    expect(ended.out === input).toBe(true)
    expect(ended).toMatchObject({ code: 0, err: "mine\n" })
  })

  test("passes arguments on as they are, without a shell", async () => {
    const words = [
      "a b",
      "$HOME",
      "*",
      '"',
      "'",
      "\\",
      "",
      "--",
      "--help",
      "-h",
      "line\nbreak",
      "é",
    ]
    const program = "console.log(JSON.stringify(process.argv.slice(1)))"
    const { out } = await run("quoting", "--", ...node(program), "--", ...words)
    expect(JSON.parse(out)).toEqual(words)
  })

  test("tells the command the lock's name and its fencing token", async () => {
    const program = `const { FETCHLOCK_NAME: name, FETCHLOCK_FENCING_TOKEN: fence } = process.env
      console.log(JSON.stringify({ name, fence }))`
    const ask = async (...options: string[]) => {
      const { out } = await fetchlock(
        database,
        ["run", "told", ...options, "--", ...node(program)],
        {
          env: { FETCHLOCK_FENCING_TOKEN: "of an outer run" },
        },
      )
      return JSON.parse(out) as { name: string; fence?: string }
    }
    const [one, two] = [await ask(), await ask()]
    expect(one.name).toBe("told")
    expect(Number(two.fence)).toBeGreaterThan(Number(one.fence))
    expect(await ask("--shared")).toEqual({ name: "told" })
  })

  test("renews the hold for as long as the command runs", async () => {
    const command = start("renewed", "--ttl", "3s", ...staying())
    await command.prints(/ready/)
    const begun = performance.now()
    while (performance.now() - begun < 4_500) {
      expect((await locks.inspect("renewed")).isHeld).toBe(true)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    command.kill("SIGTERM")
    expect(await command.ended).toMatchObject({ signal: "SIGTERM" })
  })

  test("waits for its turn by default, and says so on stderr alone", async () => {
    const lock = await locks.acquire("turn")
    const command = start("turn", "--", ...node('console.log("in")'))
    await command.prints(/waiting for "turn"/)
    await lock.release()
    expect(await command.ended).toMatchObject({
      code: 0,
      out: "in\n",
      err: 'fetchlock: waiting for "turn"\n',
    })
  })

  test("ends with 75, or with the code of your choice, if the lock stays held", async () => {
    const lock = await locks.acquire("busy")
    expect(await run("busy", "--try", "--", "false")).toMatchObject({
      code: 75,
      out: "",
      err: expect.stringMatching(/^fetchlock: "busy" is held by another caller .*\n$/) as unknown,
    })
    const options = ["--wait", "100ms", "--conflict-exit-code", "0"]
    expect(await run("busy", ...options, "--", "false")).toMatchObject({ code: 0 })
    await lock.release()
    expect(await locks.inspect("busy")).toMatchObject({ isHeld: false, waiting: 0 })
  })

  test("shares the lock with --shared, and lets in as many as --permits says", async () => {
    for (const [name, options, most] of [
      ["readers", ["--shared"], 3],
      ["permits", ["--permits", "2"], 2],
    ] as const) {
      const commands = Array.from({ length: most }, () => start(name, ...options, ...staying()))
      for (const command of commands) await command.prints(/ready/)
      const next = await run(name, ...(name === "permits" ? options : []), "--try", "--", "true")
      expect(next.code).toBe(75)
      for (const command of commands) command.kill("SIGTERM")
      for (const command of commands) await command.ended
      expect(await locks.inspect(name)).toMatchObject({ isHeld: false })
    }
  })

  test("keeps the lock with --keep if the command succeeded, and only then", async () => {
    expect(await run("kept", "--keep", "1h", "--", "false")).toMatchObject({ code: 1 })
    expect(await locks.inspect("kept")).toMatchObject({ isHeld: false })
    expect(await run("kept", "--keep", "1h", "--", "true")).toMatchObject({ code: 0 })
    const { remainingMs } = await locks.inspect("kept")
    expect(remainingMs).toBeGreaterThan(3_500_000)
    expect(remainingMs).toBeLessThanOrEqual(3_600_000)
  })

  test("reads the database from a file instead of the environment with --env-file", async () => {
    const file = join(folder, "env")
    await writeFile(
      file,
      `# ours\nexport UPSTASH_REDIS_REST_URL = "${database.url}" # here\r\nUPSTASH_REDIS_REST_TOKEN='${database.token}'\n`,
    )
    const wrong = { url: "http://127.0.0.1:1", token: "nobody's" }
    const args = ["run", "file", "--env-file", file, "--", ...node("console.log(process.env.KV_X)")]
    expect(await fetchlock(wrong, args)).toMatchObject({ code: 0, out: "undefined\n" })
  })

  test("deletes the --reason at the end, also if writing it takes longer than the command", async () => {
    const proxy = await FaultProxy.open(database.url)
    try {
      proxy.plan = inOrder("note", { kind: "request-delayed", ms: 1_000 })
      const { url } = proxy
      const args = ["run", "brief", "--reason", "slow to arrive", "--", "true"]
      expect(await fetchlock({ ...database, url }, args)).toMatchObject({ code: 0, err: "" })
      expect(proxy.seen("note")).toHaveLength(2)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      expect(await database.command("KEYS", "*brief*note*")).toEqual([])
    } finally {
      await proxy.close()
    }
  })

  test("keeps the --reason as long as --keep keeps the lock", async () => {
    await run("kept-note", "--reason", "done", "--keep", "1h", "--", "true")
    const [note = ""] = (await database.command("KEYS", "*kept-note*note*")) as string[]
    expect(Number(await database.command("PTTL", note))).toBeGreaterThan(3_500_000)
  })

  test("an empty --reason counts as no reason: a variable that is not set does not stop a deploy", async () => {
    const command = start("unexplained", "--reason", "", ...staying())
    await command.prints(/ready/)
    expect(await database.command("KEYS", "*unexplained*note*")).toEqual([])
    command.kill("SIGTERM")
    expect(await command.ended).toMatchObject({ signal: "SIGTERM", err: "" })
  })

  test("uses another prefix with --prefix", async () => {
    const command = start("elsewhere", "--prefix", "other:", ...staying())
    await command.prints(/ready/)
    expect(await database.command("EXISTS", "other:elsewhere")).toBe(1)
    command.kill("SIGTERM")
    await command.ended
  })
})

describe("a command that cannot be started", () => {
  test("ends with 127 if there is none of that name, and frees the lock", async () => {
    const { code, err } = await run("missing", "--", "no-such-command-anywhere")
    expect({ code, err }).toEqual({
      code: 127,
      err: 'fetchlock: cannot execute "no-such-command-anywhere": no such command\n',
    })
    expect((await run("missing", "--", "")).code).toBe(127)
    const script = join(folder, "no-interpreter")
    await writeFile(script, "#!/no/such/interpreter\n", { mode: 0o755 })
    expect(await run("missing", "--", script)).toMatchObject({
      code: 127,
      err: expect.stringContaining("the interpreter of its first line does not exist") as unknown,
    })
    expect(await locks.inspect("missing")).toMatchObject({ isHeld: false })
  })

  test("ends with 126 if it is not executable, and frees the lock", async () => {
    const file = join(folder, "not-executable")
    await writeFile(file, "")
    await chmod(file, 0o644)
    for (const path of [file, folder]) {
      const { code, err } = await run("unable", "--", path)
      expect({ code, err }).toMatchObject({
        code: 126,
        err: expect.stringContaining("not exec") as unknown,
      })
    }
    expect(await locks.inspect("unable")).toMatchObject({ isHeld: false })
  })
})

describe("signals", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT"] as const)(
    "are passed on to the command: %s",
    async (signal) => {
      const program = `process.on("${signal}", () => { console.log("got it"); process.exit(7) })
        console.log("ready"); setTimeout(() => 0, 60_000)`
      const command = start(`forward-${signal}`, "--", ...node(program))
      await command.prints(/ready/)
      command.kill(signal)
      expect(await command.ended).toMatchObject({ code: 7, out: "ready\ngot it\n", err: "" })
      expect(await keysOf(`forward-${signal}`)).toEqual([`{lock:forward-${signal}}:fence`])
    },
  )

  test.each([
    ["SIGINT", "SIGINT", null],
    ["SIGTERM", "SIGTERM", null],
    ["SIGHUP", "SIGHUP", null],
    ["SIGUSR1", null, 138],
    ["SIGQUIT", null, 131],
  ] as const)(
    "during the wait end it, and the waiter leaves the queue: %s",
    async (sent, signal, code) => {
      const name = `waiting-${sent}`
      const lock = await locks.acquire(name)
      const command = start(name, "--reason", "impatient", "--", "false")
      await command.prints(/waiting for/)
      await until(async () => (await locks.inspect(name)).waiting === 1)
      command.kill(sent)
      expect(await command.ended).toMatchObject({ signal, code, out: "" })
      expect(await locks.inspect(name)).toMatchObject({ waiting: 0 })
      await lock.release()
      expect(await keysOf(name)).toEqual([])
    },
  )

  test.each(["SIGINT", "SIGTERM"] as const)(
    "while the first request is on its way end it, run nothing, and leave no lock: %s",
    async (signal) => {
      const name = `granted-${signal}`
      const proxy = await FaultProxy.open(database.url)
      try {
        proxy.plan = always("acquire", { kind: "reply-delayed", ms: 700 })
        const { url } = proxy
        const args = ["run", name, "--reason", "early", "--", ...node('console.log("ran")')]
        const command = new FetchlockCommand({ ...database, url }, args)
        await until(() => proxy.seen("acquire").length > 0)
        command.kill(signal)
        expect(await command.ended).toMatchObject({ signal, out: "", err: "" })
        expect(await keysOf(name)).toEqual([`{lock:${name}}:fence`])
      } finally {
        await proxy.close()
      }
    },
  )

  test("end a wait whose database is silent: the second one at once", async () => {
    const lock = await locks.acquire("silent")
    const proxy = await FaultProxy.open(database.url)
    try {
      const { url } = proxy
      const command = new FetchlockCommand({ ...database, url }, ["run", "silent", "--", "false"])
      await command.prints(/waiting for/)
      proxy.plan = () => ({ kind: "hang", executed: false, after: "nothing" })
      const begun = performance.now()
      command.kill("SIGINT")
      await until(() => proxy.seen("release: leave").length > 0)
      command.kill("SIGINT")
      expect(await command.ended).toMatchObject({ signal: "SIGINT" })
      expect(performance.now() - begun).toBeLessThan(4_000)
    } finally {
      await proxy.close()
      await lock.release()
    }
  })

  test("end a release whose database is silent: the second one at once", async () => {
    const proxy = await FaultProxy.open(database.url)
    try {
      proxy.plan = always("release", { kind: "hang", executed: false, after: "nothing" })
      const { url } = proxy
      const args = ["run", "stuck", "--ttl", "3s", "--", ...node("process.exit(4)")]
      const command = new FetchlockCommand({ ...database, url }, args)
      await until(() => proxy.seen("release").length > 0)
      command.kill("SIGTERM")
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(command.child.exitCode).toBeNull()
      const begun = performance.now()
      command.kill("SIGTERM")
      expect(await command.ended).toMatchObject({
        code: 4,
        err: 'fetchlock: did not wait for the database: "stuck" may stay held until its ttl ends\n',
      })
      expect(performance.now() - begun).toBeLessThan(4_000)
    } finally {
      await proxy.close()
    }
  })

  test("do not disturb the release", async () => {
    const proxy = await FaultProxy.open(database.url)
    try {
      proxy.plan = always("release", { kind: "reply-delayed", ms: 500 })
      const { url } = proxy
      const command = new FetchlockCommand({ ...database, url }, ["run", "late", "--", "true"])
      await until(() => proxy.seen("release").length > 0)
      command.kill("SIGTERM")
      expect(await command.ended).toMatchObject({ code: 0, signal: null })
    } finally {
      await proxy.close()
    }
  })
})

describe.skipIf(spawnSync("python3", ["--version"]).status !== 0)("on a terminal", () => {
  const onTerminal = async (name: string, ...rest: string[]) => {
    const script = fileURLToPath(new URL("on_terminal.py", import.meta.url))
    const command = [process.execPath, resolve("dist/cli/main.cjs"), "run", name, ...rest]
    const env = {
      ...process.env,
      UPSTASH_REDIS_REST_URL: database.url,
      UPSTASH_REDIS_REST_TOKEN: database.token,
    }
    const child = spawn("python3", [script, ...command], {
      stdio: ["ignore", "pipe", "inherit"],
      env,
    })
    let out = ""
    for await (const chunk of child.stdout.setEncoding("utf8")) out += String(chunk)
    return out
  }
  const counting = `let count = 0
    process.on("SIGINT", () => { count++; setTimeout(() => { console.log("interrupts: " + count); process.exit(7) }, 500) })
    console.log("ready"); setTimeout(() => 0, 60_000)`

  test("Ctrl-C reaches the command once", async () => {
    const out = await onTerminal("typed", "--", ...node(counting))
    expect(out).toContain("interrupts: 1\n")
    expect(out).toContain("ended with 7\n")
  })

  test("Ctrl-C during the wait ends it, and leaves the queue", async () => {
    await using lock = await locks.acquire("typed-early")
    const out = await onTerminal("typed-early", "--", "false")
    expect(out).toContain("ended with -2\n")
    expect(await locks.inspect("typed-early")).toMatchObject({ isHeld: true, waiting: 0 })
    expect(lock.remainingMs).toBeGreaterThan(0)
  })
})

describe("a hold that is lost", () => {
  test("ends the command with SIGTERM, and this one with 79", async () => {
    const program = `process.on("SIGTERM", () => { console.log("cleaning up"); process.exit(0) })
      console.log("ready"); setTimeout(() => 0, 60_000)`
    const command = start("stolen", "--ttl", "3s", "--", ...node(program))
    await command.prints(/ready/)
    await locks.forceRelease("stolen")
    expect(await command.ended).toEqual({
      code: 79,
      signal: null,
      out: "ready\ncleaning up\n",
      err: 'fetchlock: "stolen" is no longer held: it was stolen; ending the command\n',
    })
  })

  test("is noticed long before the next renewal with --watch", async () => {
    const command = start("watched", "--watch", "--ttl", "60s", ...staying())
    await command.prints(/ready/)
    // The hold watches as soon as its stream is open and it has checked once.
    await until(async () => (await locks.inspect("watched")).remainingMs > 0)
    await new Promise((resolve) => setTimeout(resolve, 500))
    const begun = performance.now()
    await locks.forceRelease("watched")
    expect(await command.ended).toMatchObject({ code: 79 })
    expect(performance.now() - begun).toBeLessThan(10_000)
  })

  test("ends a command that ignores SIGTERM with SIGKILL", async () => {
    const command = start("deaf", "--ttl", "3s", "--kill-after", "300ms", ...staying(true))
    await command.prints(/ready/)
    const pid = Number(/ready (\d+)/.exec(command.out)?.[1])
    await locks.forceRelease("deaf")
    expect(await command.ended).toMatchObject({ code: 79 })
    expect(() => process.kill(pid, 0)).toThrow("ESRCH")
  })

  test("lets a command end by itself for as long as --kill-after says, however long that is", async () => {
    const program = `process.on("SIGTERM", () => setTimeout(() => { console.log("done"); process.exit(0) }, 500))
      console.log("ready"); setTimeout(() => 0, 60_000)`
    const options = ["--ttl", "3s", "--kill-after", "100d", "--reason", "slow"]
    const command = start("unhurried", ...options, "--", ...node(program))
    await command.prints(/ready/)
    await locks.forceRelease("unhurried")
    expect(await command.ended).toMatchObject({ code: 79, out: "ready\ndone\n" })
    // The reason is gone with its hold.
    expect(await database.command("KEYS", "*unhurried*note*")).toEqual([])
  })

  test("ends the command, and this one with 79, also if nobody reads its messages any more", async () => {
    const command = start("unread", "--ttl", "3s", ...staying())
    await command.prints(/ready/)
    const pid = Number(/ready (\d+)/.exec(command.out)?.[1])
    command.child.stderr?.destroy()
    await locks.forceRelease("unread")
    expect(await command.ended).toMatchObject({ code: 79, signal: null })
    expect(() => process.kill(pid, 0)).toThrow("ESRCH")
  })

  test("ends a command that was stopped", async () => {
    // It is SIGTERM that ends it.
    const command = start("frozen", "--ttl", "3s", "--kill-after", "5m", ...staying())
    await command.prints(/ready/)
    const pid = Number(/ready (\d+)/.exec(command.out)?.[1])
    process.kill(pid, "SIGSTOP")
    await locks.forceRelease("frozen")
    expect(await command.ended).toMatchObject({ code: 79 })
    expect(() => process.kill(pid, 0)).toThrow("ESRCH")
  })

  test("is noticed when this program continues after it was stopped", async () => {
    const command = start("paused", "--ttl", "1s", ...staying())
    await command.prints(/ready/)
    command.kill("SIGSTOP")
    await until(async () => !(await locks.inspect("paused")).isHeld)
    command.kill("SIGCONT")
    expect(await command.ended).toMatchObject({ code: 79 })
  })

  test("is reported if it turns out only at the release", async () => {
    const command = start(
      "too-late",
      "--",
      ...node('console.log("ready"); setTimeout(() => 0, 700)'),
    )
    await command.prints(/ready/)
    await database.command("DEL", "lock:too-late")
    expect(await command.ended).toMatchObject({
      code: 79,
      err: 'fetchlock: "too-late" was lost before the command ended\n',
    })
  })

  test("is one that cannot be renewed: a database that stays away ends the command in time", async () => {
    const proxy = await FaultProxy.open(database.url)
    try {
      const { url } = proxy
      const args = ["run", "away", "--ttl", "3s", ...staying()]
      const command = new FetchlockCommand({ ...database, url }, args)
      await command.prints(/ready/)
      proxy.plan = () => ({ kind: "request-lost" })
      const begun = performance.now()
      expect(await command.ended).toMatchObject({
        code: 79,
        err: expect.stringContaining("could not be reached") as unknown,
      })
      expect(performance.now() - begun).toBeLessThan(8_000)
    } finally {
      await proxy.close()
    }
  })

  test("does not change the exit code if only its release fails", async () => {
    const proxy = await FaultProxy.open(database.url)
    try {
      proxy.plan = always("release", {
        kind: "replaced",
        executed: false,
        status: 401,
        body: '{"error":"WRONGPASS"}',
      })
      const { url } = proxy
      const place = { ...database, url }
      expect(
        await fetchlock(place, ["run", "unfreed", "--", ...node("process.exit(3)")]),
      ).toMatchObject({
        code: 3,
        err: expect.stringContaining("free when its ttl ends") as unknown,
      })
    } finally {
      await proxy.close()
    }
  })
})

test("a run that fails itself takes its command with it", async () => {
  const failing = join(folder, "failing.cjs")
  await writeFile(failing, 'setTimeout(() => { throw new Error("a bug") }, 1_500)')
  const args = ["run", "failing", "--ttl", "3s", "--", "sh", "-c", "echo ready $$; exec sleep 60"]
  const env = { NODE_OPTIONS: `--require ${failing}` }
  const command = new FetchlockCommand(database, args, { env })
  await command.prints(/ready/)
  const pid = Number(/ready (\d+)/.exec(command.out)?.[1])
  expect(await command.ended).toMatchObject({ err: expect.stringContaining("a bug") as unknown })
  await until(() => {
    try {
      return !process.kill(pid, 0)
    } catch {
      return true
    }
  })
})

test("a run that is killed leaves a lock that is free after its ttl, and no note for long", async () => {
  const command = start("crashed", "--ttl", "3s", "--reason", "doomed", ...staying())
  await command.prints(/ready/)
  const pid = Number(/ready (\d+)/.exec(command.out)?.[1])
  const [note] = (await database.command("KEYS", "{lock:crashed}:note:*")) as string[]
  expect(Number(await database.command("PTTL", note ?? ""))).toBeGreaterThan(0)
  command.kill("SIGKILL")
  await until(async () => !(await locks.inspect("crashed")).isHeld, { timeout: 10_000 })
  // As documented, the command itself goes on.
  process.kill(pid, "SIGKILL")
  await command.ended
})
