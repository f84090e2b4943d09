// The built command as a user runs it: its output, its failures and its exit.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { get, type IncomingMessage } from "node:http"
import { createServer } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { hasRedisServer, startRedis } from "../../../test/support/redis-server.js"
import { EventReader } from "./event-reader.js"
import { RestClient } from "./rest-client.js"
import { RunningCommand } from "./running-command.js"

describe("the command fetchlock-dev-server", () => {
  const running: RunningCommand[] = []
  const run = (...args: readonly string[]) => runWith({}, ...args)
  const runWith = (env: Readonly<Record<string, string>>, ...args: readonly string[]) => {
    const command = new RunningCommand(args, env)
    running.push(command)
    return command
  }
  afterEach(() => {
    for (const command of running.splice(0)) command.kill("SIGKILL")
  })

  it("prints its address and two lines ready to copy", async () => {
    const { url, token, out } = await run("--port", "0").started()
    expect(out).toContain(`listening on ${url}`)
    expect(out).toContain(`\nUPSTASH_REDIS_REST_URL=${url}\nUPSTASH_REDIS_REST_TOKEN=${token}\n`)
    expect(token).toMatch(/^[\w-]{32,}$/)
    expect(await new RestClient(url, token).command("SET", "k", "v")).toBe("OK")
  })

  it("accepts a token and an address", async () => {
    const { url, out } = await run(
      ...["--port", "0", "--token", "sesame", "--hostname", "localhost"],
    ).started()
    expect(out).toContain("UPSTASH_REDIS_REST_TOKEN=sesame\n")
    expect(url).toMatch(/^http:\/\/localhost:/)
    expect(await new RestClient(url, "sesame").command("PING")).toBe("PONG")
  })

  it.skipIf(!hasRedisServer())("works on a real Redis", async () => {
    const redis = await startRedis()
    try {
      const { url, token, out } = await run("--port", "0", "--redis", redis.url).started()
      expect(out).toContain("a real Redis")
      const info = await new RestClient(url, token).command("INFO", "server")
      expect(info).toContain(`tcp_port:${redis.port}`)
    } finally {
      await redis.stop()
    }
  })

  it("reads the token and the Redis URL from the environment, which `ps` does not show", async () => {
    const env = { FETCHLOCK_DEV_TOKEN: "sesame" }
    const { url, token } = await runWith(env, "--port", "0").started()
    expect(token).toBe("sesame")
    expect(await new RestClient(url, "sesame").command("PING")).toBe("PONG")
    const bad = runWith({ FETCHLOCK_DEV_REDIS: "http://127.0.0.1" }, "--port", "0")
    expect((await bad.ended).err).toMatch(
      /^fetchlock: redis: must be a redis:\/\/ or rediss:\/\/ URL/,
    )
    const flag = runWith(env, "--port", "0", "--token", "stronger")
    expect((await flag.started()).token).toBe("stronger")
    const { out } = await run("--help").ended
    for (const name of ["FETCHLOCK_DEV_TOKEN", "FETCHLOCK_DEV_REDIS"]) expect(out).toContain(name)
  })

  it("accepts additional host names", async () => {
    const { url, token } = await run(
      ...["--port", "0", "--allow-host", "a.example", "b.example"],
    ).started()
    const statusFor = async (Host: string) => {
      const headers = { Host, Authorization: `Bearer ${token}` }
      const [response] = (await once(get(`${url}/ping`, { headers }), "response")) as [
        IncomingMessage,
      ]
      response.resume()
      return response.statusCode
    }
    expect(await statusFor("b.example")).toBe(200)
    expect(await statusFor("c.example")).toBe(403)
  })

  it("prints its version and its usage", async () => {
    const manifest = new URL("../package.json", import.meta.url)
    const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string }
    expect(await run("--version").ended).toMatchObject({ code: 0, out: `${version}\n`, err: "" })
    const help = await run("--help").ended
    expect(help).toMatchObject({ code: 0, err: "" })
    for (const option of ["--port", "--hostname", "--allow-host", "--token", "--redis"]) {
      expect(help.out).toContain(option)
    }
  })

  describe("fails with one clear line and exit code 1", () => {
    const fails = async (args: string[], message: RegExp) => {
      const { code, out, err } = await run(...args).ended
      expect({ code, out, lines: err.trimEnd().split("\n").length, err }).toEqual({
        code: 1,
        out: "",
        lines: 1,
        err: expect.stringMatching(message) as unknown,
      })
    }

    it("when the port is taken", async () => {
      const server = createServer().listen(0, "127.0.0.1")
      await once(server, "listening")
      const { port } = server.address() as { port: number }
      try {
        const message = `^fetchlock: cannot listen on 127.0.0.1:${port}: the port is in use`
        await fails(["--port", String(port)], new RegExp(message))
      } finally {
        server.close()
      }
    })

    it.each(["http", "-1", "65536", "80.5", ""])("when the port is %j", async (port) => {
      await fails([`--port=${port}`], /--port.* from 0 to 65535/)
    })

    it.each(["http://127.0.0.1", "127.0.0.1", "redis://"])("when the URL is %j", async (url) => {
      await fails(
        ["--port", "0", "--redis", url],
        /^fetchlock: redis: must be a redis:\/\/ or rediss:\/\/ URL/,
      )
    })

    it("when no Redis answers at the URL", async () => {
      const begun = performance.now()
      await fails(
        ["--port", "0", "--redis", "redis://:secret@127.0.0.1:1"],
        /^fetchlock: cannot reach Redis at 127\.0\.0\.1:1: (?!.*secret)/,
      )
      expect(performance.now() - begun).toBeLessThan(4000)
    })

    it("when the token cannot be sent in a header", async () => {
      await fails(["--port", "0", "--token", "two words"], /^fetchlock: token: /)
    })

    it("when it gets an argument that it does not know", async () => {
      await fails(["--nope"], /unknown option '--nope'/)
      await fails(["nope"], /too many arguments/)
    })
  })

  it.each(["SIGINT", "SIGTERM"] as const)(
    "ends with exit code 0 on %s, with or without open streams",
    async (signal) => {
      const command = run("--port", "0")
      const { url, token } = await command.started()
      const rest = new RestClient(url, token)
      const events = await EventReader.open(rest, "/subscribe/c")
      await events.next()
      await rest.command("EVAL", "return 1", 0)
      const begun = performance.now()
      command.kill(signal)
      expect(await command.ended).toMatchObject({ code: 0, signal: null, err: "" })
      expect(performance.now() - begun).toBeLessThan(1900)
      expect(await events.next()).toBeUndefined()
    },
  )

  it.skipIf(!hasRedisServer())("ends with exit code 0 over a real Redis, too", async () => {
    const redis = await startRedis()
    try {
      const command = run("--port", "0", "--redis", redis.url)
      const { url, token } = await command.started()
      const events = await EventReader.open(new RestClient(url, token), "/subscribe/c")
      await events.next()
      command.kill("SIGINT")
      expect(await command.ended).toMatchObject({ code: 0, signal: null, err: "" })
    } finally {
      await redis.stop()
    }
  })

  it("leaves nothing behind that keeps a process alive", async () => {
    const program = `
      import { startDevServer } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)}
      const server = await startDevServer({ port: 0 })
      const headers = { Authorization: "Bearer " + server.token }
      const stream = await fetch(server.url + "/subscribe/c", { headers })
      await fetch(server.url, { method: "POST", headers, body: '["EVAL", "return 1", "0"]' })
      await server.close()
      await stream.text()`
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program])
    expect(await once(child, "close")).toEqual([0, null])
  })
})
