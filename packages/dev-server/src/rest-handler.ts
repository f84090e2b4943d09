// Upstash's REST API as a fetch handler over an engine.
import { type Context as HonoContext, Hono } from "hono"
import { concatBytes } from "./bytes.js"
import {
  type Command,
  type Engine,
  EngineUnavailableError,
  ErrorReply,
  type Reply,
  type Topic,
} from "./engine.js"
import { EventStreams } from "./event-streams.js"
import { originCheck } from "./request-origin.js"
import { BodyTooLargeError, readBody } from "./read-body.js"
import {
  BadRequestError,
  readCommand,
  readCommands,
  readPath,
  readTopics,
} from "./read-commands.js"
import { restRefusal } from "./rest-commands.js"
import { formatOf, refuseRequest } from "./rest-request.js"
import { SyncToken } from "./sync-token.js"
import { errorJson, toJson, toResp2 } from "./write-replies.js"

/** Upstash's limit on its free plan. */
const MAX_BODY_BYTES = 10 * 1024 * 1024

interface Env {
  Variables: { sync: SyncToken }
}
type Context = HonoContext<Env>

export interface RestHandlerOptions {
  readonly engine: Engine
  readonly token: string
  /** Hosts that requests may name in addition to loopback. */
  readonly hosts?: readonly string[]
  readonly keepAliveMs: number
}

export interface RestHandler {
  fetch(request: Request): Response | Promise<Response>
  /** Ends all open streams. */
  close(): void
}

export function createRestHandler(options: RestHandlerOptions): RestHandler {
  const { engine, token, hosts = [], keepAliveMs } = options
  const checkOrigin = originCheck(hosts)
  const streams = new EventStreams(engine, keepAliveMs)
  const sync = new SyncToken()
  const app = new Hono<Env>()

  app.use(async (c, next) => {
    c.set("sync", sync)
    const refusal = refuseRequest(c.req.raw, token, checkOrigin)
    if (refusal) return refuse(c, refusal.status, refusal.message)
    return next()
  })
  app.on(["POST", "PUT"], "/", async (c) => {
    const command = readCommand(await textOf(c))
    return answer(c, await run(c, engine, command))
  })
  app.all("/pipeline", async (c) => {
    const commands = readCommands(await textOf(c), "pipeline")
    return answerMany(c, await Promise.all(commands.map((command) => run(c, engine, command))))
  })
  app.all("/multi-exec", async (c) => {
    const commands = readCommands(await textOf(c), "multi-exec")
    const refused = commands.map(restRefusal).find((refusal) => refusal !== undefined)
    if (!refused) sync.count(commands)
    const replies = refused ?? (await engine.transact(commands))
    return replies instanceof ErrorReply ? refuse(c, 400, replies.message) : answerMany(c, replies)
  })
  app.all("/subscribe/*", (c) => stream(c, streams, "channel"))
  app.all("/psubscribe/*", (c) => stream(c, streams, "pattern"))
  app.all("/monitor", (c) => refuse(c, 400, "ERR /monitor is not supported by the local server"))
  app.all("*", async (c) => {
    const body = await readBody(c.req.raw, MAX_BODY_BYTES)
    return answer(c, await run(c, engine, readPath(new URL(c.req.url), body)))
  })
  app.onError((error, c) => {
    if (error instanceof BadRequestError) return refuse(c, 400, error.message)
    if (error instanceof BodyTooLargeError) {
      // The rest of the body is not read, so the client must not reuse the connection.
      c.header("connection", "close")
      return refuse(c, 413, `ERR max request size exceeded. Limit: ${MAX_BODY_BYTES} bytes`)
    }
    if (error instanceof EngineUnavailableError) return refuse(c, 503, `ERR ${error.message}`)
    return refuse(c, 500, `ERR the local server failed: ${error.message}`)
  })
  return {
    fetch: (request) => app.fetch(request),
    close: () => {
      streams.close()
    },
  }
}

async function textOf(c: Context): Promise<string> {
  return (await readBody(c.req.raw, MAX_BODY_BYTES)).toString()
}

/** @throws EngineUnavailableError. Any other failure becomes the reply to this command, and does not affect others. */
async function run(c: Context, engine: Engine, command: Command): Promise<Reply> {
  const refusal = restRefusal(command)
  if (refusal) return refusal
  c.get("sync").count([command])
  try {
    return await engine.run(command)
  } catch (error) {
    if (error instanceof EngineUnavailableError) throw error
    return new ErrorReply(`ERR the local server failed: ${String(error)}`)
  }
}

type Status = 200 | 400 | 401 | 403 | 405 | 413 | 500 | 503

function answer(c: Context, reply: Reply): Response {
  const status = reply instanceof ErrorReply ? 400 : 200
  const format = formatOf(c.req.raw)
  return format === "resp2"
    ? respond(c, status, toResp2(reply))
    : respond(c, status, toJson(reply, format))
}

function answerMany(c: Context, replies: readonly Reply[]): Response {
  const format = formatOf(c.req.raw)
  if (format === "resp2" && c.req.path !== "/multi-exec")
    return respond(c, 200, concatBytes(replies.map(toResp2)))
  return respond(c, 200, `[${replies.map((reply) => toJson(reply, format)).join(",")}]`)
}

function refuse(c: Context, status: Status, message: string): Response {
  return respond(c, status, errorJson(message))
}

function respond(c: Context, status: Status, body: string | Uint8Array<ArrayBuffer>): Response {
  const type = typeof body === "string" ? "application/json" : "application/octet-stream"
  return c.body(body, status, {
    "content-type": type,
    "upstash-sync-token": c.get("sync").toString(),
  })
}

async function stream(c: Context, streams: EventStreams, kind: Topic["kind"]): Promise<Response> {
  const topics = readTopics(new URL(c.req.url)).map((name) => ({ kind, name }))
  if (topics.length === 0 || topics.some(({ name }) => name === ""))
    return refuse(c, 400, "ERR the path must name a channel, as in /subscribe/channel")
  const body = await streams.open(topics, c.req.raw.signal)
  return c.body(body, 200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "upstash-sync-token": c.get("sync").toString(),
  })
}
