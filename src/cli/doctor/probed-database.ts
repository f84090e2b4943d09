// The database under examination: sends any command, and deletes every key of the examination in the end.
import { LARGEST_REPLY, readBoundedText, withDeadline } from "../../redis/bounds.js"
import { FetchClient, type RestConfig, withoutToken } from "../../redis/fetch-client.js"
import { lockKeys, onceKeys } from "../../redis/keys.js"
import type { Fetch } from "../../redis/transport.js"

/** What the database replied: a result, or an error of its own. */
export type Reply = { readonly result: unknown } | { readonly error: string }

export const TIMEOUT_MS = 5_000

export class ProbedDatabase {
  readonly config: RestConfig
  readonly fetch: Fetch
  readonly client: FetchClient
  /** The prefix of the locks of the examination. */
  readonly prefix: string
  /** Median of the round trips so far, in milliseconds; 0 before there is one. */
  rttMs = 0
  readonly #keys = new Set<string>()
  readonly #fetch: Fetch
  /** Requests whose reply has not begun. */
  readonly #open = new Set<Promise<unknown>>()
  #isOver = false

  /** @param id random, so that two examinations do not disturb each other */
  constructor(config: RestConfig, fetch: Fetch, id: string) {
    this.config = config
    this.#fetch = fetch
    // A function of its own, since it is also given to managers.
    this.fetch = (url, init) => this.#fetchUntilOver(url, init)
    this.client = new FetchClient(config, this.fetch)
    this.prefix = `fetchlock-doctor-${id}:`
  }

  get isUpstash(): boolean {
    return this.client.host.endsWith(".upstash.io")
  }

  /** A key of the examination. */
  key(name: string): string {
    const key = `{${this.prefix}}:${name}`
    this.#keys.add(key)
    return key
  }

  /** The name of a lock of the examination. */
  lockName(name: string): string {
    const { prefix } = this
    for (const key of [...lockKeys(prefix, name), ...onceKeys(prefix, name)]) this.#keys.add(key)
    return name
  }

  /** @throws Error if there is no usable reply */
  async send(...command: readonly string[]): Promise<Reply> {
    const [reply] = await this.#post("", JSON.stringify(command), false)
    if (!reply) throw new Error("unexpected response")
    return reply
  }

  /** The result. @throws Error also if the database refuses the command */
  async ask(...command: readonly string[]): Promise<unknown> {
    const reply = await this.send(...command)
    if ("error" in reply) throw new Error(reply.error)
    return reply.result
  }

  /** Several commands in one request. */
  pipeline(commands: readonly (readonly string[])[]): Promise<Reply[]> {
    return this.#post("pipeline", JSON.stringify(commands), true)
  }

  /** Ends the examination, wherever it is, and deletes all of its keys. */
  async cleanUp(): Promise<void> {
    this.#isOver = true
    // Whatever they write has to be there before it can be deleted.
    await Promise.allSettled(this.#open)
    if (this.#keys.size === 0) return
    const [reply] = await this.#postOnce(
      "",
      JSON.stringify(["DEL", ...this.#keys]),
      false,
      this.#fetch,
    )
    if (reply && "error" in reply) throw new Error(reply.error)
  }

  async #fetchUntilOver(url: string, init: RequestInit): Promise<Response> {
    if (this.#isOver) throw new Error("the examination is over")
    const response = this.#fetch(url, init)
    this.#open.add(response)
    try {
      return await response
    } finally {
      this.#open.delete(response)
    }
  }

  async #post(path: string, body: string, isList: boolean): Promise<Reply[]> {
    try {
      return await this.#postOnce(path, body, isList)
    } catch (error) {
      // A server may close a connection in the moment in which it is used again.
      if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error
      return this.#postOnce(path, body, isList)
    }
  }

  #postOnce(path: string, body: string, isList: boolean, fetch = this.fetch): Promise<Reply[]> {
    const { url, token } = this.config
    const address = path === "" ? url : `${url.replace(/\/$/, "")}/${path}`
    return withDeadline(TIMEOUT_MS, async (signal) => {
      const response = await fetch(address, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body,
        signal,
      })
      const text = await readBoundedText(response, LARGEST_REPLY, signal)
      // Findings are printed, and a server may repeat its request.
      const replies = parse(withoutToken(text, token), response.status)
      return (isList && Array.isArray(replies) ? replies : [replies]).map((reply) =>
        readReply(reply, response.status),
      )
    })
  }
}

function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new Error(`HTTP ${status}: response body is not valid JSON`)
  }
}

function readReply(reply: unknown, status: number): Reply {
  if (typeof reply === "object" && reply !== null) {
    if ("error" in reply) return { error: String(reply.error) }
    if ("result" in reply) return { result: reply.result }
  }
  throw new Error(`HTTP ${status}: unexpected response`)
}
