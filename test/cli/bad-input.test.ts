// What the command refuses: one line that names the mistake, and its exit code.
import { execFileSync, spawn } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Database, openDatabase } from "../support/variants.js"
import { fetchlock } from "./fetchlock-command.js"

let database: Database
let folder: string

beforeAll(async () => {
  database = await openDatabase("embedded engine")
  folder = await mkdtemp(join(tmpdir(), "fetchlock-cli-"))
})
afterAll(async () => {
  await database.close()
  await rm(folder, { recursive: true, force: true })
})

const command = ["--", "touch", "/nonexistent/never"]

describe.concurrent("ends with 64 and one line, and runs nothing", () => {
  const cases: [string, string[], string][] = [
    ["an unknown command", ["frob"], 'unknown command "frob", see fetchlock --help'],
    ["a mistyped command", ["inspekt", "x"], 'unknown command "inspekt", did you mean inspect?'],
    [
      "an unknown option",
      ["ls", "--frob"],
      'unknown option "--frob" of ls, see fetchlock ls --help',
    ],
    ["an unknown short option", ["ls", "-j"], 'unknown option "-j" of ls, see fetchlock ls --help'],
    [
      "a mistyped option",
      ["run", "x", "--tll=3s", ...command],
      'unknown option "--tll" of run, did you mean --ttl?',
    ],
    ["an option that is passed twice", ["ls", "--json", "--json"], "--json: must be passed once"],
    ["a value for a flag", ["ls", "--json=yes"], "--json: does not take a value"],
    ["no value for an option", ["ls", "--limit"], "--limit: needs a value, N"],
    ["no name", ["run", ...command], "run: NAME is missing"],
    ["an empty name", ["run", "", ...command], "run: NAME must not be empty"],
    ["no name for inspect", ["inspect"], "inspect: NAME is missing"],
    ["too many names", ["inspect", "a", "b"], 'inspect: unexpected argument "b"'],
    [
      "a command without --",
      ["run", "x", "ls"],
      'run: put -- before the command, as in: fetchlock run NAME -- COMMAND; got "ls" without it',
    ],
    ["no command", ["run", "x"], "run: the command is missing: fetchlock run NAME -- COMMAND"],
    [
      "nothing after --",
      ["run", "x", "--"],
      "run: the command is missing: fetchlock run NAME -- COMMAND",
    ],
    ["-- where there is no command", ["ls", "--", "x"], "ls: does not take --"],
    ...["10", "-5s", "5 s", "ten", "", "1e3s", "Infinity"].map(
      (text): [string, string[], string] => [
        `a wait of ${JSON.stringify(text)}`,
        ["run", "x", `--wait=${text}`, ...command],
        `--wait: must be a duration such as 500ms, 30s or 10m, got "${text}"`,
      ],
    ),
    [
      "a ttl that is too short",
      ["run", "x", "--ttl", "1ms", ...command],
      '--ttl: must be from 10 ms to 10000 days, got "1ms"',
    ],
    [
      "a time to keep that is too long",
      ["run", "x", "--keep", "99999d", ...command],
      '--keep: must be from 10 ms to 10000 days, got "99999d"',
    ],
    [
      "--try and --wait",
      ["run", "x", "--try", "--wait", "1s", ...command],
      "--try: cannot be combined with --wait",
    ],
    [
      "--shared and --permits",
      ["run", "x", "--shared", "--permits", "2", ...command],
      "--shared: cannot be combined with --permits",
    ],
    ...["0", "-1", "1.5", "many"].map((text): [string, string[], string] => [
      `${text} permits`,
      ["run", "x", `--permits=${text}`, ...command],
      `--permits: must be an integer from 1 to 9007199254740991, got "${text}"`,
    ]),
    [
      "an exit code beyond 255",
      ["run", "x", "--conflict-exit-code", "256", ...command],
      '--conflict-exit-code: must be an integer from 0 to 255, got "256"',
    ],
    [
      "a reason that is too long",
      ["run", "x", "--reason", "x".repeat(501), ...command],
      "--reason: must have at most 500 characters, got 501",
    ],
    [
      "a prefix without a delimiter",
      ["run", "x", "--prefix", "lock", ...command],
      'prefix: must be empty or end in a delimiter, such as ":", got "lock"',
    ],
    [
      "a release without --force",
      ["release", "x"],
      "release: --force is missing; it ends the hold of a process that may still be at work",
    ],
    [
      "a name with escape sequences that is refused",
      ["inspect", "x", "\u001b[2J\u009b31m\u202e"],
      'inspect: unexpected argument "\\u{1b}[2J\\u{9b}31m\\u{202e}"',
    ],
  ]

  test.each(cases)("on %s", async (_, args, message) => {
    expect(await fetchlock(database, args)).toEqual({
      code: 64,
      signal: null,
      out: "",
      err: `fetchlock: ${message}\n`,
    })
  })

  test("if the database's variables are missing: it says which", async () => {
    const none = {
      UPSTASH_REDIS_REST_URL: undefined,
      UPSTASH_REDIS_REST_TOKEN: undefined,
      KV_REST_API_URL: undefined,
      KV_REST_API_TOKEN: undefined,
    }
    const ask = async (env: Readonly<Record<string, string | undefined>>, ...args: string[]) => {
      const { code, err } = await fetchlock(database, ["ls", ...args], { env: { ...none, ...env } })
      expect(code).toBe(64)
      return err
    }
    expect(await ask({})).toBe(
      "fetchlock: UPSTASH_REDIS_REST_URL is not set (nor KV_REST_API_URL): set it to the database's REST URL\n",
    )
    expect(await ask({ UPSTASH_REDIS_REST_URL: database.url })).toBe(
      "fetchlock: UPSTASH_REDIS_REST_TOKEN is not set: set it to the database's REST token\n",
    )
    expect(await ask({ KV_REST_API_URL: database.url })).toContain("KV_REST_API_TOKEN is not set")
    const file = join(folder, "half")
    await writeFile(file, "UPSTASH_REDIS_REST_URL=http://127.0.0.1:1\n")
    // The token of the environment belongs to another database.
    const env = { UPSTASH_REDIS_REST_TOKEN: database.token }
    expect(await ask(env, "--env-file", file)).toBe(
      `fetchlock: UPSTASH_REDIS_REST_TOKEN is not set in ${file}: set it to the database's REST token\n`,
    )
  })

  test("on an env file that cannot be read, or with Node's own code and message", async () => {
    // Node itself looks for a file of that name, even behind the name of the program, and ends with 9 if it cannot read it.
    for (const file of [folder, join(folder, "missing")]) {
      const { code, out, err } = await fetchlock(database, ["ls", "--env-file", file])
      expect([9, 64]).toContain(code)
      expect(out).toBe("")
      expect(err).toContain(file)
    }
  })

  test("on an env file that is a pipe, which Node itself has emptied", async () => {
    const pipe = join(folder, "pipe")
    execFileSync("sh", ["-c", 'mkfifo "$0"', pipe])
    const variables = `UPSTASH_REDIS_REST_URL=${database.url}\nUPSTASH_REDIS_REST_TOKEN=${database.token}\n`
    const writer = spawn("sh", ["-c", 'printf %s "$0" > "$1"', variables, pipe])
    const { code, out, err } = await fetchlock(database, ["ls", "--env-file", pipe])
    writer.kill()
    expect({ code, out, err }).toEqual({
      code: 64,
      out: "",
      err: `fetchlock: --env-file: must be a file, got the pipe "${pipe}"\n`,
    })
  })

  test("on a URL that is not one, without repeating it", async () => {
    const { code, err } = await fetchlock({ ...database, url: "redis://:secret@host" }, ["ls"])
    expect(code).toBe(64)
    expect(err).toMatch(/^fetchlock: redis.url: must begin with https:/)
    expect(err).not.toContain("secret")
  })

  test("with the usage on stderr without a command", async () => {
    const { code, out, err } = await fetchlock(database, [])
    expect({ code, out }).toEqual({ code: 64, out: "" })
    expect(err).toContain("Usage: fetchlock COMMAND")
  })
})

describe.concurrent("ends with 69 and one line", () => {
  const everyCommand = [
    ["run", "x", ...command],
    ["run", "x", "--try", ...command],
    ["ls"],
    ["inspect", "x"],
    ["wait", "x"],
    ["release", "x", "--force"],
  ]

  test.each(everyCommand)("if the database is down: %s", async (...args) => {
    const { code, out, err } = await fetchlock({ ...database, url: "http://127.0.0.1:1" }, args)
    expect({ code, out }).toEqual({ code: 69, out: "" })
    expect(err).toMatch(/^fetchlock: could not .*ECONNREFUSED.*\n$/)
  })

  test.each(everyCommand)("if the token is refused: %s", async (...args) => {
    const { code, out, err } = await fetchlock({ ...database, token: "not-the-token" }, args)
    expect({ code, out }).toEqual({ code: 69, out: "" })
    expect(err).toMatch(/^fetchlock: could not .*WRONGPASS.*\n$/)
    expect(err).not.toContain("not-the-token")
  })
})

describe.concurrent("help", () => {
  test.each(["run", "ls", "inspect", "wait", "release", "doctor", "ui"])(
    "of %s has the sections of a man page and goes to stdout",
    async (name) => {
      for (const args of [
        [name, "--help"],
        [name, "-h"],
        ["help", name],
      ]) {
        const { code, out, err } = await fetchlock(database, args)
        expect({ code, err }).toEqual({ code: 0, err: "" })
        for (const title of [
          "NAME",
          "SYNOPSIS",
          "DESCRIPTION",
          "OPTIONS",
          "EXIT STATUS",
          "EXAMPLES",
        ]) {
          expect(out).toContain(`${title}\n`)
        }
        for (const line of out.split("\n")) expect(line.length, line).toBeLessThanOrEqual(120)
      }
    },
  )

  test("lists all commands", async () => {
    const { code, out } = await fetchlock(database, ["--help"])
    expect(code).toBe(0)
    for (const name of ["run", "ls", "inspect", "wait", "release", "doctor", "ui", "dev"]) {
      expect(out).toMatch(new RegExp(`^  ${name} `, "m"))
    }
  })
})
