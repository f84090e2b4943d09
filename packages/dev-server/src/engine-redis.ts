// A real Redis behind the server: one connection for commands, one for all subscriptions.
import {
  type Command,
  type Engine,
  EngineUnavailableError,
  ErrorReply,
  type Listener,
  type Reply,
  type Topic,
} from "./engine.js"
import { keyGuard } from "./key-guard.js"
import { type CommandKeys, readKeyRules } from "./key-rules.js"
import { connect, type RedisConnection } from "./redis-connection.js"
import { RedisScripts, type Rewritten } from "./redis-scripts.js"
import { RedisSubscriptions } from "./redis-subscriptions.js"

export class RedisEngine implements Engine {
  /** Whether this Redis has `SET … IFEQ` and `DELEX` itself (8.4 and later). */
  readonly hasCompareAndSet: boolean
  readonly #connection: RedisConnection
  readonly #subscriptions: RedisSubscriptions
  readonly #scripts: RedisScripts

  /** @throws EngineUnavailableError within about two seconds if there is no Redis at this URL. */
  static async connect(url: string): Promise<RedisEngine> {
    const connection = await connect(url, { reconnects: true })
    try {
      const commands = await connection.send("COMMAND", [])
      if (commands instanceof ErrorReply) throw new EngineUnavailableError(commands.message)
      return new RedisEngine(url, connection, readKeyRules(commands))
    } catch (error) {
      connection.close()
      throw error
    }
  }

  private constructor(url: string, connection: RedisConnection, commands: CommandKeys[]) {
    this.#connection = connection
    // No reconnects: the streams on a lost connection have ended, and the next stream opens a new one.
    this.#subscriptions = new RedisSubscriptions(() => connect(url, { reconnects: false }))
    this.#scripts = new RedisScripts(keyGuard(commands))
    this.hasCompareAndSet = commands.some(({ name }) => name === "delex")
  }

  async run(command: Command): Promise<Reply> {
    const rewritten = this.#scripts.rewrite(command)
    if (!rewritten) return this.#send(command)
    return rewritten.finish(await this.#send(rewritten.command))
  }

  async transact(commands: readonly Command[]): Promise<readonly Reply[] | ErrorReply> {
    const steps = commands.map((command) => this.#scripts.rewrite(command) ?? asItIs(command))
    // All commands are written in this turn, so no command of another request comes in between.
    const [, ...queued] = await Promise.all([
      this.#send(["MULTI"]),
      ...steps.map((step) => this.#send(step.command)),
      this.#send(["EXEC"]),
    ])
    const replies = queued.pop()
    if (Array.isArray(replies)) {
      return (replies as readonly Reply[]).map((reply, i) => steps[i]?.finish(reply) ?? reply)
    }
    const refused = queued.find((reply) => reply instanceof ErrorReply)
    return (
      refused ?? (replies instanceof ErrorReply ? replies : new ErrorReply("ERR no reply to EXEC"))
    )
  }

  subscribe(topic: Topic, listener: Listener): Promise<() => void> {
    return this.#subscriptions.subscribe(topic, listener)
  }

  async close(): Promise<void> {
    this.#connection.close()
    await this.#subscriptions.close()
  }

  #send([name = "", ...args]: Command): Promise<Reply> {
    return this.#connection.send(String(name), args)
  }
}

function asItIs(command: Command): Rewritten {
  return { command, finish: (reply) => reply }
}
