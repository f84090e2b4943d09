// One lock for several runtimes at once: Node processes and a Worker that read and write the same value.
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { expect, test } from "vitest"
import { runChild } from "../support/child.js"
import { openDatabase } from "../support/variants.js"
import { hasRedisServer } from "../support/redis-server.js"
import { Isolate } from "../workerd/isolate.js"
import type { Seen } from "../workerd/readers-and-writers.js"

const ROUNDS = 6

test("two Node processes and a Worker share one lock as readers and writers", async () => {
  const database = await openDatabase(hasRedisServer() ? "real Redis" : "embedded engine")
  const worker = await Isolate.start({
    worker: new URL("../workerd/per-request.ts", import.meta.url),
    env: { UPSTASH_REDIS_REST_URL: database.url, UPSTASH_REDIS_REST_TOKEN: database.token },
  })
  try {
    const program = await nodeProgram()
    const inNode = async () => {
      const { code, out, err } = await runChild(program, database)
      expect({ code, err }).toEqual({ code: 0, err: "" })
      return JSON.parse(out) as Seen
    }
    const inWorker = async () => {
      const init = { method: "POST", body: String(ROUNDS) }
      const response = await worker.fetch("/readAndWrite?name=runtimes", init)
      return (await response.json()) as Seen
    }
    const all = await Promise.all([inNode(), inWorker(), inNode()])
    expect(all.flatMap(({ intruders }) => intruders)).toEqual([])
    expect(all.map(({ visits }) => visits)).toEqual([ROUNDS * 4, ROUNDS * 4, ROUNDS * 4])
    // They did share: otherwise a lock that lets in one at a time would pass.
    expect(Math.max(...all.map(({ mostReaders }) => mostReaders))).toBeGreaterThan(1)
    expect(await database.command("KEYS", "*lock:runtimes*")).toEqual([])
  } finally {
    await worker.stop()
    await database.close()
  }
})

async function nodeProgram(): Promise<string> {
  const file = fileURLToPath(new URL("../workerd/readers-and-writers.ts", import.meta.url))
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    format: "iife",
    globalName: "program",
    write: false,
  })
  return `${outputFiles[0]?.text ?? ""}
    const command = async (...command) => {
      const headers = { Authorization: "Bearer " + redis.token }
      const response = await fetch(redis.url, { method: "POST", headers, body: JSON.stringify(command) })
      return (await response.json()).result
    }
    const locks = new LockManager({ redis })
    print(await program.readAndWrite(locks, command, "runtimes", ${String(ROUNDS)}))
    end()
  `
}
