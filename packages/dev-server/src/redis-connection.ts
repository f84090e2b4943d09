// Opens a connection to a real Redis, sends commands over it and tells an answer from a failure.
import { type Argument, EngineUnavailableError, ErrorReply, type Reply } from "./engine.js"
import { Command as WireCommand, Redis } from "ioredis"

const CONNECT_TIMEOUT_MS = 2000
const LONGEST_RETRY_MS = 1000

export interface ConnectionOptions {
  /** Come back by itself after a loss? */
  readonly reconnects: boolean
}

/** @throws EngineUnavailableError with one line that says where and why; the password is not in it. */
export async function connect(url: string, options: ConnectionOptions): Promise<RedisConnection> {
  const where = new URL(url).host
  let connected = false
  let reason = "no answer"
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A Redis that hangs does not say goodbye, and need not be waited for.
    disconnectTimeout: 50,
    disableClientInfo: true,
    // A command is sent once: sent again after a loss it might run twice, and what waits for a connection comes late.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    stringNumbers: true,
    retryStrategy: (attempt) =>
      connected && options.reconnects ? Math.min(attempt * 50, LONGEST_RETRY_MS) : null,
  })
  // Without a listener ioredis prints it; each command that fails because of it says so by itself.
  redis.on("error", (error: Error) => {
    reason = error.message
  })
  redis.on("connect", () => {
    surviveParser(redis)
  })
  const timer = setTimeout(() => {
    redis.disconnect()
  }, CONNECT_TIMEOUT_MS)
  try {
    await redis.connect()
    connected = true
    return new RedisConnection(redis, where)
  } catch (error) {
    redis.disconnect()
    throw new EngineUnavailableError(`cannot reach Redis at ${where}: ${reason}`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

/**
 * A reply that is nested some thousand levels deep (a script can return one) overflows the stack of ioredis's parser,
 * in a listener of the socket, which would end this process. What it costs now is the connection.
 */
function surviveParser({ stream }: Redis): void {
  for (const parse of stream.listeners("data")) {
    stream.off("data", parse as (chunk: Buffer) => void)
    stream.on("data", (chunk: Buffer) => {
      try {
        parse.call(stream, chunk)
      } catch (error) {
        stream.destroy(error instanceof Error ? error : new Error(String(error)))
      }
    })
  }
}

export class RedisConnection {
  readonly redis: Redis
  readonly #where: string

  constructor(redis: Redis, where: string) {
    this.redis = redis
    this.#where = where
  }

  /** Sends at once; an error that Redis answers is a reply. @throws EngineUnavailableError */
  async send(name: string, args: readonly Argument[]): Promise<Reply> {
    const writable = this.redis.status === "ready"
    // In capitals: ioredis reshapes the replies of some commands that it knows by their lower-case names.
    const command = new WireCommand(name.toUpperCase(), [...args], { replyEncoding: null })
    try {
      return toReply(await this.redis.sendCommand(command))
    } catch (error) {
      if (isReplyError(error)) return new ErrorReply(error.message)
      const what = writable
        ? `lost the connection to Redis at ${this.#where} before it answered; the command may have run`
        : `no connection to Redis at ${this.#where}; the command was not sent`
      throw new EngineUnavailableError(what, { cause: error })
    }
  }

  close(): void {
    this.redis.disconnect()
  }
}

function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError"
}

/** Redis's reply as ioredis has it: text in buffers and (by `stringNumbers`) integers as digits. */
function toReply(raw: unknown): Reply {
  if (raw === null || raw instanceof Buffer) return raw
  if (typeof raw === "string") {
    const number = Number(raw)
    return Number.isSafeInteger(number) ? number : BigInt(raw)
  }
  if (Array.isArray(raw)) return raw.map(toReply)
  if (isReplyError(raw)) return new ErrorReply(raw.message)
  throw new TypeError("Redis answered what is no reply")
}
