// The compare-and-set commands of real servers, sent without the local server, which replaces them with scripts.
import { Redis } from "ioredis"
import { hasRedisServer, startRedis } from "../../../test/support/redis-server.js"
import { startValkey } from "../../../test/support/valkey-server.js"

export interface CommandsOfServer {
  /** Sends one command; rejects with the server's message. */
  readonly command: (...words: readonly string[]) => Promise<unknown>
  /** Whether the server has compare-and-set. */
  readonly hasCommands: boolean
  /** Whether DELIFEQ, another command, stands for `DELEX … IFEQ`. */
  readonly hasDelifeq: boolean
  close(): Promise<void>
}

export const ownCommands = [
  {
    name: "the commands of Redis itself",
    isAvailable: hasRedisServer(),
    open: async () => open(await startRedis()),
  },
  {
    name: "the commands of Valkey itself",
    isAvailable: true,
    open: async () => open(await startValkey()),
  },
]

async function open(server: { url: string; stop(): Promise<void> }): Promise<CommandsOfServer> {
  const redis = new Redis(server.url)
  const send = (name: string, ...args: readonly string[]) => redis.call(name, ...args)
  await send("SET", "k", "v")
  const hasSet = await send("SET", "k", "v", "IFEQ", "v").then(
    () => true,
    () => false,
  )
  const hasDelifeq = hasSet && (await send("COMMAND", "INFO", "DELIFEQ"))?.toString() !== ""
  return {
    command: (name = "", ...args) => {
      const [key = "", condition, expected] = args
      if (!hasDelifeq || name !== "DELEX") return send(name, ...args)
      return condition === undefined ? send("DEL", key) : send("DELIFEQ", key, expected ?? "")
    },
    hasCommands: hasSet,
    hasDelifeq,
    close: async () => {
      redis.disconnect()
      await server.stop()
    },
  }
}
