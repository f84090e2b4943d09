// The built-in transport: one POST to the REST API, sent once, with a deadline, and really canceled.
import { createNonce, SHORTEST_SECRET } from "../values/token.js"
import { invalid, showKind } from "../values/invalid-argument.js"
import { LARGEST_LIST, LARGEST_REPLY, readBoundedText, withDeadline } from "./bounds.js"
import { isControlFlow, RedisError, staleReply, unexpectedReply } from "./redis-error.js"
import { readRefusal } from "./refusal.js"
import { readScanPage } from "./replies.js"
import { RequestBatcher } from "./request-batcher.js"
import { openSubscription, readEventStream } from "./subscription.js"
import type { Fetch, Listener, ScanPage, Subscription, Transport } from "./transport.js"

/** The address of a database and its credentials. */
export interface RestConfig {
  /** The REST URL, for example `https://eu1-sweet-cod-12345.upstash.io`. */
  readonly url: string
  /** The REST token. */
  readonly token: string
}

/** A response with one of these statuses and an `error` comes from the database and means that it did nothing. */
const REFUSALS = new Set([200, 400, 401, 403, 404, 405])

/** Statuses of a server without streams; 200 comes from one that takes the path for a command. */
const NO_STREAMS = new Set([200, 400, 404, 405, 501])

export class FetchClient implements Transport {
  readonly noticesEnd = true
  isGathering = false
  /** The database's host, from which we tell whether it is Upstash. */
  readonly host: string
  readonly #url: string
  readonly #token: string
  readonly #fetch: Fetch
  readonly #batcher = new RequestBatcher((commands, signal, longest) =>
    this.#request(commands, signal, longest),
  )

  /** @throws `TypeError` for an invalid url or token; neither is repeated in the message. */
  constructor(config: RestConfig, fetch?: Fetch) {
    this.host = checkUrl(config.url).hostname
    this.#url = config.url
    this.#token = checkToken(config.token)
    // Checks only that it exists: at module scope it must not be touched yet.
    if (!fetch && !("fetch" in globalThis)) {
      throw new TypeError("fetch: there is no global fetch; pass one")
    }
    // Called as a method, a browser's or a Worker's own fetch throws "Illegal invocation".
    // The global one is looked up at each call, since tools for tests and tracing replace it.
    this.#fetch = (url, init) => (fetch ?? globalThis.fetch)(url, init)
  }

  evaluate(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
    longest: number = LARGEST_REPLY,
  ): Promise<unknown> {
    const command = ["EVAL", script, String(keys.length), ...keys, ...args]
    const key = (this.isGathering ? undefined : keys[0]) ?? ""
    return withDeadline(timeoutMs, (signal) => this.#batcher.send(key, command, signal, longest))
  }

  async scan(cursor: string, pattern: string, count: number, timeoutMs: number): Promise<ScanPage> {
    const command = ["SCAN", cursor, "MATCH", pattern, "COUNT", String(count)]
    return readScanPage(await this.#sendFresh("", command, timeoutMs, LARGEST_LIST))
  }

  publish(channel: string, message: string, timeoutMs: number): Promise<unknown> {
    return this.#sendFresh(channel, ["PUBLISH", channel, message], timeoutMs, LARGEST_REPLY)
  }

  subscribe(channel: string, listener: Listener, timeoutMs: number): Promise<Subscription> {
    const url = this.#path(`subscribe/${channel}`)
    return openSubscription(
      (events) => {
        const stream = new AbortController()
        this.#post(url, "", stream.signal, "text/event-stream")
          .then((response) => readEventStream(streamOf(response), channel, events, stream.signal))
          .catch((error: unknown) => {
            // Closed by us: its error does not matter.
            if (stream.signal.aborted) return
            events.onFailure(error instanceof RedisError ? error : this.#failureOf(error))
          })
        return () => {
          stream.abort()
        }
      },
      listener,
      timeoutMs,
    )
  }

  /** A command that is not a script cannot repeat a nonce, so an `ECHO` that does travels in the same request. */
  #sendFresh(
    key: string,
    command: readonly string[],
    timeoutMs: number,
    longest: number,
  ): Promise<unknown> {
    return withDeadline(timeoutMs, async (signal) => {
      const nonce = createNonce()
      const [reply, echo] = await Promise.all([
        this.#batcher.send(key, command, signal, longest),
        this.#batcher.send(key, ["ECHO", nonce], signal, longest),
      ])
      if (echo !== nonce) throw staleReply()
      return reply
    })
  }

  async #request(
    commands: readonly (readonly string[])[],
    signal: AbortSignal,
    longest: number,
  ): Promise<unknown[]> {
    const [only, ...others] = commands
    const isOne = others.length === 0
    let status: number
    let body: string
    try {
      const response = await this.#post(
        isOne ? this.#url : this.#path("pipeline"),
        JSON.stringify(isOne ? only : commands),
        signal,
      )
      status = response.status
      body = await readBoundedText(response, longest, signal)
    } catch (error) {
      throw error instanceof RedisError ? error : this.#failureOf(error)
    }
    return isOne
      ? [readReply(status, body, this.#token)]
      : readReplies(status, body, this.#token, commands.length)
  }

  #path(path: string): string {
    const url = new URL(this.#url)
    url.pathname = `${url.pathname.replace(/\/$/, "")}/${path}`
    return url.href
  }

  /**
   * The error of a fetch that failed, or whose body did. Only the scrubbed message is kept: the error of a user's or a
   * traced fetch may quote the request, and Node's own error contains the response of a server that echoes.
   */
  #failureOf(error: unknown): Error {
    if (isControlFlow(error)) return error
    return new RedisError(withoutToken(describe(error), this.#token), { outcome: "unknown" })
  }

  // Async, so that a synchronous throw of fetch becomes a rejection.
  async #post(
    url: string,
    body: string,
    signal: AbortSignal,
    accept = uniqueAccept(),
  ): Promise<Response> {
    return this.#fetch(url, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${this.#token}`,
        "Content-Type": "application/json",
        Accept: accept,
      },
      body,
      // A redirect would carry the token to wherever it points.
      redirect: "manual",
      signal,
    })
  }
}

/**
 * Accepts JSON, with a value that is unique to the request: caches that take a request's headers into account, but not its
 * body, can then distinguish requests. A custom header would need the database's permission in browsers (CORS).
 */
function uniqueAccept(): string {
  return `application/json, application/json;request=${createNonce()}`
}

/** The text without the REST token. A short token is part of too many words, and not a secret. */
export function withoutToken(text: string, token: string): string {
  return token.length < SHORTEST_SECRET ? text : text.replaceAll(token, "…")
}

/** The server's response to one command. */
type Reply = { readonly result?: unknown; readonly error?: unknown } | null

function parseReply(status: number, body: string): Reply {
  try {
    return JSON.parse(body) as Reply
  } catch {
    throw new RedisError(`HTTP ${status}: response body is not valid JSON`, {
      outcome: "unknown",
      status,
    })
  }
}

function readReply(status: number, body: string, token: string): unknown {
  return resultOf(status, parseReply(status, body), token)
}

/** The replies to the commands of a pipeline, each of which may have been refused by itself. */
function readReplies(status: number, body: string, token: string, count: number): unknown[] {
  const replies: unknown = parseReply(status, body)
  // Anything but a list is an error that affects them all.
  if (!Array.isArray(replies)) resultOf(status, replies as Reply, token)
  if (!Array.isArray(replies) || replies.length !== count) throw unexpectedReply(status)
  return replies.map((reply) => {
    try {
      return resultOf(status, reply as Reply, token)
    } catch (error) {
      return error
    }
  })
}

/** Accepts only `{ "result": … }`. An error may repeat the token that was sent. */
function resultOf(status: number, reply: Reply, token: string): unknown {
  if (typeof reply?.error === "string") {
    const message = `HTTP ${status}: ${withoutToken(reply.error, token)}`
    if (!REFUSALS.has(status)) throw new RedisError(message, { outcome: "unknown", status })
    // With these statuses the request was not authorized, whatever the message says.
    const refusal = status === 401 || status === 403 ? "permanent" : readRefusal(reply.error)
    throw new RedisError(message, { outcome: "refused", status, refusal })
  }
  if (status !== 200 || reply?.result === undefined) throw unexpectedReply(status)
  return reply.result
}

function streamOf({ status, headers, body }: Response): ReadableStream<Uint8Array> {
  const isStream = headers.get("Content-Type")?.startsWith("text/event-stream")
  if (status === 200 && body && isStream) return body
  // Rejects if the body has failed by now.
  body?.cancel().catch(() => undefined)
  // Any other status may be temporary.
  const outcome = NO_STREAMS.has(status) ? "refused" : "unknown"
  throw new RedisError(`HTTP ${status} instead of a stream`, { outcome, status })
}

/** The informative part of the message is often in the cause; if that consists of several errors, in its code. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return "the request failed"
  const { message, cause } = error
  const detail = cause instanceof Error && (cause.message || (cause as { code?: unknown }).code)
  return detail ? `${message}: ${detail as string}` : message
}

function checkUrl(url: unknown): URL {
  if (typeof url !== "string" || url === "") {
    throw invalid("redis.url", "the database's REST URL", url)
  }
  // The value is not repeated: it may be a secret, pasted into the wrong variable.
  if (!/^https?:\/\//i.test(url)) {
    throw new TypeError("redis.url: must begin with https:// (or http:// for a local server)")
  }
  if (!URL.canParse(url)) throw new TypeError("redis.url: is not a valid URL")
  const parsed = new URL(url)
  // Also not an empty query: paths are appended to the URL as it is.
  if (parsed.username || parsed.password || /[?#]/.test(url)) {
    throw new TypeError("redis.url: must not contain credentials, a query or a fragment")
  }
  return parsed
}

function checkToken(token: unknown): string {
  if (typeof token !== "string" || token === "") {
    const got = token === "" ? "an empty string" : showKind(token)
    throw new TypeError(`redis.token: must be the database's REST token, got ${got}`)
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new TypeError("redis.token: must consist of visible ASCII characters")
  }
  return token
}
