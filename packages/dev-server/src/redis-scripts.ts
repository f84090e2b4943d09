// Makes scripts with Upstash's `allow-key-locking` line run on a plain Redis, under the SHA-1 the client knows.
import { createHash } from "node:crypto"
import { type Argument, type Command, ErrorReply, nameOf, type Reply } from "./engine.js"
import { readScriptFlags, type ScriptFlags } from "./script-flags.js"

const REMEMBERED = 1000

/** What is sent in place of a command, and what its reply becomes. */
export interface Rewritten {
  readonly command: Command
  readonly finish: (reply: Reply) => Reply
}

interface Replacement {
  readonly sha: string
  /** The line that the guard stands on, or 0. Errors of `redis.call` are thrown there, which says nothing. */
  readonly guardLine: 0 | 1 | 2
}

export class RedisScripts {
  readonly #guard: string
  /** What Redis runs, by the SHA-1 of what was sent, where they differ. */
  readonly #replaced = new Map<string, Replacement>()

  constructor(guard: string) {
    this.#guard = guard
  }

  /** Undefined for a command that travels as it is. */
  rewrite(command: Command): Rewritten | undefined {
    switch (nameOf(command)) {
      case "EVAL":
      case "EVAL_RO":
        return this.#rewriteSource(command, 1, (sent) => (reply) => this.#underOwnSha(reply, sent))
      case "EVALSHA":
      case "EVALSHA_RO":
        return this.#rewriteSha(command)
      case "SCRIPT":
        return this.#rewriteScript(command)
      default:
        return undefined
    }
  }

  #rewriteScript(command: Command): Rewritten | undefined {
    switch (String(command[1]).toUpperCase()) {
      case "LOAD":
        return this.#rewriteSource(
          command,
          2,
          (sent) => (reply) =>
            reply instanceof Buffer ? Buffer.from(sent) : this.#underOwnSha(reply, sent),
        )
      case "EXISTS":
        return {
          command: command.map((sha, i) => (i < 2 ? sha : this.#shaFor(sha))),
          finish: (reply) => reply,
        }
      default:
        return undefined
    }
  }

  #rewriteSource(
    command: Command,
    place: number,
    finish: (sent: string) => (reply: Reply) => Reply,
  ): Rewritten | undefined {
    const source = command[place]
    if (!source?.includes("#!lua")) return undefined
    const text = String(source)
    const sent = sha1(text)
    try {
      const { run, guardLine } = this.#forPlainRedis(readScriptFlags(text))
      if (run === text) return undefined
      this.#remember(sent, { sha: sha1(run), guardLine })
      return {
        command: command.map((part, i) => (i === place ? run : part)),
        finish: finish(sent),
      }
    } catch (error) {
      if (!(error instanceof ErrorReply)) throw error
      // Redis refuses such a line as well, but may blame the flag that is not its own.
      return { command, finish: () => error }
    }
  }

  #rewriteSha(command: Command): Rewritten | undefined {
    const sha = command[1]
    if (sha === undefined || this.#shaFor(sha) === sha) return undefined
    return {
      command: command.map((part, i) => (i === 1 ? this.#shaFor(sha) : part)),
      finish: (reply) => this.#underOwnSha(reply, String(sha)),
    }
  }

  /** The script as a plain Redis takes it, of as many lines. */
  #forPlainRedis({ keyLocking, redisFlags, body }: ScriptFlags): Pick<Replacement, "guardLine"> & {
    run: string
  } {
    const guard = keyLocking ? `${this.#guard} ` : ""
    if (!redisFlags) return { run: guard + body, guardLine: keyLocking ? 1 : 0 }
    const line = redisFlags.length === 0 ? "#!lua" : `#!lua flags=${redisFlags.join(",")}`
    const rest = body.slice(body.indexOf("\n") + 1)
    return { run: `${line}\n${guard}${rest}`, guardLine: keyLocking ? 2 : 0 }
  }

  #shaFor(sha: Argument): Argument {
    return this.#replaced.get(String(sha).toLowerCase())?.sha ?? sha
  }

  #remember(sent: string, replacement: Replacement): void {
    this.#replaced.set(sent, replacement)
    const [oldest] = this.#replaced.keys()
    if (this.#replaced.size > REMEMBERED && oldest !== undefined) this.#replaced.delete(oldest)
  }

  #underOwnSha(reply: Reply, sent: string): Reply {
    if (!(reply instanceof ErrorReply)) return reply
    const replacement = this.#replaced.get(sent.toLowerCase())
    if (!replacement) return reply
    const message = reply.message.replace(replacement.sha, sent)
    return new ErrorReply(message.replace(`, on @user_script:${replacement.guardLine}.`, ""))
  }
}

function sha1(source: string): string {
  return createHash("sha1").update(source).digest("hex")
}
