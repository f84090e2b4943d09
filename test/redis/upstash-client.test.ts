// A client of @upstash/redis against a database that refuses: the client's own words around the refusal must not hide it.
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { Redis } from "@upstash/redis"
import { describe, expect, onTestFinished, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { healthyReply } from "../support/healthy-fetch.js"
import { rejection } from "../support/outcomes.js"

type Command = readonly string[]

/** A manager on a database that refuses some commands, each with the error that the function returns. */
async function refusing(
  refusalOf: (command: Command) => string | undefined,
  enableAutoPipelining: boolean,
): Promise<LockManager> {
  const replyTo = (command: Command) => {
    const error = refusalOf(command)
    return error === undefined ? { result: healthyReply(JSON.stringify(command)) } : { error }
  }
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const commands = JSON.parse(body) as Command | readonly Command[]
      const isPipeline = Array.isArray(commands[0])
      const replies = isPipeline
        ? (commands as readonly Command[]).map(replyTo)
        : replyTo(commands as Command)
      response.statusCode = "error" in replies ? 400 : 200
      response.end(JSON.stringify(replies))
    })
  }).listen(0, "127.0.0.1")
  await new Promise((resolve) => server.once("listening", resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const redis = new Redis({
    url: `http://127.0.0.1:${String(port)}`,
    token: "t",
    enableAutoPipelining,
    responseEncoding: false,
  })
  return new LockManager({ redis })
}

const READONLY = "READONLY You can't write against a read only replica."

describe.each([
  ["in the pipelines that the client makes by itself", true],
  ["in requests of their own", false],
])("refusals %s", (_, enableAutoPipelining) => {
  test.each([
    "ERR Unexpected flag in script shebang: allow-key-locking",
    "ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'",
  ])("of the flag: %j is followed by the script without it", async (error) => {
    const refusalOf = ([, script]: Command) => (script?.startsWith("#!lua") ? error : undefined)
    const locks = await refusing(refusalOf, enableAutoPipelining)
    const lock = await locks.acquire("a")
    expect(await lock.release()).toBe("released")
  })

  test("that pass are tried again", async () => {
    let tries = 0
    const locks = await refusing(() => (++tries < 3 ? READONLY : undefined), enableAutoPipelining)
    const lock = await locks.acquire("a")
    expect(tries).toBe(3)
    expect(await lock.release()).toBe("released")
  })

  test("that last fail at once", async () => {
    let tries = 0
    const refusalOf = () => {
      tries++
      return "NOPERM this user has no permissions to run the 'eval' command"
    }
    const locks = await refusing(refusalOf, enableAutoPipelining)
    expect(await rejection(locks.acquire("a"))).toMatchObject({
      code: "backend",
      message: expect.stringContaining("NOPERM") as string,
    })
    expect(tries).toBe(1)
  })
})
