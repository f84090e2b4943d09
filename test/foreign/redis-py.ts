// The lock of Python's `redis`, in a process of its own, over TCP: its key is the name as it is.
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { resolve } from "node:path"
import { createInterface } from "node:readline"
import { ASK_EACH_MS, PATIENCE_MS, type Peer, type PeerHold } from "./peer.js"

/** The one on the PATH need not be the one for which Debian installs packages. */
const PYTHONS = ["python3", "/usr/bin/python3"]
const VERSION = "import redis, redis.lock; print(redis.__version__)"

const found = PYTHONS.map((python) => {
  const { status, stdout } = spawnSync(python, ["-c", VERSION], { encoding: "utf8" })
  return { python, version: status === 0 ? stdout.trim() : undefined }
}).find(({ version }) => version !== undefined)

/** A Python that has redis-py, if there is one. */
export const pythonWithRedis = found?.python

export const redisPy: Peer = {
  name: `redis-py ${found?.version ?? "(Python)"}`,
  prefix: "",
  ...(!found && {
    missing: "there is no python3 that has redis (Debian: apt-get install python3-redis)",
  }),
  open: async ({ redisUrl }) => {
    const program = resolve("test/foreign/redis_py_lock.py")
    const args = [program, redisUrl, String(ASK_EACH_MS / 1_000)]
    const child = spawn(found?.python ?? "python3", args, { stdio: ["pipe", "pipe", "inherit"] })
    const gone = once(child, "exit")
    const answers = createInterface(child.stdout)[Symbol.asyncIterator]()
    // It does one thing at a time, so two callers must not share a client.
    const tell = async (order: object): Promise<boolean> => {
      child.stdin.write(`${JSON.stringify(order)}\n`)
      const answer = await answers.next()
      const { done, error } = JSON.parse(String(answer.value)) as { done?: boolean; error?: string }
      if (error !== undefined) throw new Error(error)
      return done === true
    }
    let holds = 0
    const take = async (
      name: string,
      ttlMs: number,
      waitMs: number,
    ): Promise<PeerHold | undefined> => {
      const hold = holds++
      const order = { do: "take", hold, name, ttl: ttlMs / 1_000, wait: waitMs / 1_000 }
      return (await tell(order)) ? { release: () => tell({ do: "release", hold }) } : undefined
    }
    return Promise.resolve({
      tryTake: (name, ttlMs) => take(name, ttlMs, 0),
      take: async (name, ttlMs) => {
        const hold = await take(name, ttlMs, PATIENCE_MS)
        if (!hold) throw new Error("it gave up")
        return hold
      },
      close: async () => {
        child.stdin.end()
        await gone
      },
    })
  },
}
