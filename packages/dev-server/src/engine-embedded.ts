// The default engine: a Redis in this process's memory. Its data is lost when the server closes.
import { call, findCommand, refusalOf, toErrorReply } from "./embedded/call.js"
import { Channels } from "./embedded/channels.js"
import { Clock } from "./embedded/clock.js"
import type { Database } from "./embedded/definition.js"
import { Keyspace } from "./embedded/keyspace.js"
import { LuaVm } from "./embedded/lua-vm.js"
import { toBytes, toReply, type Value } from "./embedded/reply-value.js"
import { ScriptCommands } from "./embedded/script-commands.js"
import type { Command, Engine, ErrorReply, Listener, Reply, Topic } from "./engine.js"

export class EmbeddedEngine implements Engine {
  readonly #db: Database
  readonly #scripts: ScriptCommands

  /**
   * @param timeLimitMs the longest time that a script may run
   * @param wasm the address of the Lua machine, where it is not beside its package's code
   */
  static async create(timeLimitMs?: number, wasm?: string): Promise<EmbeddedEngine> {
    return new EmbeddedEngine(await LuaVm.create(timeLimitMs, wasm))
  }

  private constructor(vm: LuaVm) {
    const clock = new Clock()
    const keyspace = new Keyspace(clock)
    this.#db = { clock, keyspace, channels: new Channels(), calls: new Map() }
    this.#scripts = new ScriptCommands(this.#db, vm)
  }

  run(command: Command): Promise<Reply> {
    return Promise.resolve(this.#execute(command))
  }

  transact(commands: readonly Command[]): Promise<readonly Reply[] | ErrorReply> {
    const refused = commands.map((command) => this.#refusalOf(command)).find((error) => error)
    if (refused) return Promise.resolve(refused)
    const replies = this.#db.clock.freeze(() => commands.map((command) => this.#execute(command)))
    return Promise.resolve(replies)
  }

  subscribe(topic: Topic, listener: Listener): Promise<() => void> {
    return Promise.resolve(this.#db.channels.subscribe(topic, listener))
  }

  close(): Promise<void> {
    this.#db.channels.close()
    return Promise.resolve()
  }

  /** Never throws: a failure becomes the reply to this command. */
  #execute(command: Command): Reply {
    try {
      return toReply(this.#valueOf(command))
    } catch (error) {
      return toErrorReply(error)
    }
  }

  #valueOf(command: Command): Value {
    const [name = "", ...args] = command.map(toBytes)
    if (this.#scripts.has(name)) return this.#scripts.run(name, args)
    const definition = findCommand(name)
    const refused = refusalOf(name, args)
    return definition && !refused ? call(this.#db, definition, name, args) : (refused ?? null)
  }

  #refusalOf(command: Command): ErrorReply | undefined {
    const [name = "", ...args] = command.map(toBytes)
    return this.#scripts.has(name) ? this.#scripts.refusalOf(name, args) : refusalOf(name, args)
  }
}
