// Makes scripts with Upstash's `allow-key-locking` line run on a plain Redis, under the SHA-1 that the client knows.
import { createHash } from "node:crypto"
import { bytesOf } from "./bytes.js"
import { type Argument, type Command, ErrorReply, nameOf, type Reply } from "./engine.js"
import { readScriptFlags, type ScriptFlags } from "./script-flags.js"

const REMEMBERED = 1000

/** The command that is sent instead, and the conversion of its reply. */
export interface Rewritten {
  readonly command: Command
  readonly finish: (reply: Reply) => Reply
}

interface Replacement {
  readonly sha: string
  /** The line of the guard, or 0. Errors of `redis.call` are thrown there, so their line number tells nothing. */
  readonly guardLine: 0 | 1 | 2
}

export class RedisScripts {
  readonly #guard: string
  /** The replacements of scripts, by the SHA-1 of the original. */
  readonly #replaced = new Map<string, Replacement>()

  constructor(guard: string) {
    this.#guard = guard
  }

  /** Undefined for a command that is sent unchanged. */
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
            reply instanceof Uint8Array ? bytesOf(sent) : this.#underOwnSha(reply, sent),
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
    if (source === undefined) return undefined
    const text = String(source)
    if (!text.includes("#!lua")) return undefined
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
      // Redis also refuses such a line, but may blame Upstash's flag.
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

  /** The script for a plain Redis, with the same number of lines. */
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
