// The built-in way to travel: one POST to the REST API, sent once, with a deadline, really cancelled.
import { show } from "../show.js"
import { withDeadline } from "./deadline.js"
import { RestError, unexpectedReply } from "./rest-error.js"
import type { Transport } from "./transport.js"

/** Where a database is and how to be let in. */
export interface RestConfig {
  /** The REST URL, for example `https://eu1-sweet-cod-12345.upstash.io`. */
  readonly url: string
  /** The REST token. */
  readonly token: string
}

/** Just so much of `fetch` as is used here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** Answers with these statuses and an `error` come from the database and mean that it did nothing. */
const REFUSALS = new Set([200, 400, 401, 403, 404, 405])

export class FetchClient implements Transport {
  readonly mayResend = false
  /** The database's host, which tells whose database it is. */
  readonly host: string
  readonly #url: string
  readonly #token: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #fetch: Fetch

  /** @throws `TypeError` for a url or token that cannot be one; neither is repeated in the message. */
  constructor(config: RestConfig, fetch?: Fetch) {
    this.host = checkUrl(config.url)
    this.#url = config.url
    this.#token = checkToken(config.token)
    this.#headers = {
      Authorization: `Bearer ${this.#token}`,
      "Content-Type": "application/json",
    }
    // Called as a method, a browser's or a Worker's own fetch throws "Illegal invocation".
    // The global one is looked up at each call, since tools for tests and tracing replace it.
    this.#fetch = (url, init) => (fetch ?? globalThis.fetch)(url, init)
  }

  async setIfAbsent(
    key: string,
    value: string,
    ttlMs: number,
    timeoutMs: number,
  ): Promise<boolean> {
    const result = await this.#send(["SET", key, value, "NX", "PX", String(ttlMs)], timeoutMs)
    if (result !== "OK" && result !== null) throw unexpectedReply()
    return result === "OK"
  }

  evaluate(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
  ): Promise<unknown> {
    return this.#send(["EVAL", script, String(keys.length), ...keys, ...args], timeoutMs)
  }

  #send(command: readonly string[], timeoutMs: number): Promise<unknown> {
    return withDeadline(timeoutMs, async (signal) => {
      let response: Response
      let body: string
      try {
        response = await this.#fetch(this.#url, {
          method: "POST",
          headers: this.#headers,
          body: JSON.stringify(command),
          // A redirect would carry the token to wherever it points.
          redirect: "manual",
          signal,
        })
        body = await response.text()
      } catch (error) {
        throw new RestError(describe(error), { outcome: "unknown", cause: error })
      }
      return readReply(response.status, body, this.#token)
    })
  }
}

/** Takes `{ "result": … }` and nothing else for an answer. An error may repeat the token that it was sent. */
function readReply(status: number, body: string, token: string): unknown {
  let reply: unknown
  try {
    reply = JSON.parse(body)
  } catch {
    throw new RestError(`HTTP ${status} with a body that is no JSON`, {
      outcome: "unknown",
      status,
    })
  }
  if (typeof reply !== "object" || reply === null) throw unexpectedReply(status)
  if ("error" in reply && typeof reply.error === "string") {
    const outcome = REFUSALS.has(status) ? "refused" : "unknown"
    const message = `HTTP ${status}: ${reply.error.replaceAll(token, "…")}`
    throw new RestError(message, { outcome, status })
  }
  if (status !== 200 || !("result" in reply)) {
    throw new RestError(`HTTP ${status} with an answer that is none`, {
      outcome: "unknown",
      status,
    })
  }
  return reply.result
}

/** A failed fetch's message; the telling part is often in its cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return "the request failed"
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

function checkUrl(url: unknown): string {
  if (typeof url !== "string" || url === "") {
    throw new TypeError(`redis.url: must be the database's REST URL, got ${show(url)}`)
  }
  if (!/^https?:\/\//i.test(url)) {
    throw new TypeError("redis.url: must begin with https:// (or http:// for a local server)")
  }
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    throw new TypeError("redis.url: is not a valid URL")
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new TypeError("redis.url: must not contain credentials; pass the token as redis.token")
  }
  return parsed.hostname
}

function checkToken(token: unknown): string {
  if (typeof token !== "string" || token === "") {
    throw new TypeError("redis.token: must be the database's REST token, got none")
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new TypeError(
      "redis.token: has characters that a header cannot carry (a line break, perhaps)",
    )
  }
  return token
}
