// Opens a connection to a real Redis, sends commands over it, and distinguishes replies from failures.
import { type Argument, EngineUnavailableError, ErrorReply, type Reply } from "./engine.js"
import { Command as WireCommand, Redis } from "ioredis"

const CONNECT_TIMEOUT_MS = 2000
const LONGEST_RETRY_MS = 1000

export interface ConnectionOptions {
  /** Whether to reconnect after the connection was lost. */
  readonly reconnects: boolean
}

/** @throws EngineUnavailableError with the address and the reason, but without the password. */
export async function connect(url: string, options: ConnectionOptions): Promise<RedisConnection> {
  const where = new URL(url).host
  let connected = false
  let reason = "no response"
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // Do not wait for a Redis that hangs.
    disconnectTimeout: 50,
    disableClientInfo: true,
    // A command is sent once: resent after a loss it might run twice, and queued without a connection it would run late.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    stringNumbers: true,
    retryStrategy: (attempt) =>
      connected && options.reconnects ? Math.min(attempt * 50, LONGEST_RETRY_MS) : null,
  })
  // Without a listener ioredis prints errors. Each command that fails reports its error itself.
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
 * in a listener of the socket, which would end this process. With this, only the connection is lost.
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

  /** Sends at once; an error reply of Redis is returned. @throws EngineUnavailableError */
  async send(name: string, args: readonly Argument[]): Promise<Reply> {
    const writable = this.redis.status === "ready"
    // In upper case: ioredis transforms the replies of some commands with lower-case names.
    const command = new WireCommand(name.toUpperCase(), args.map(toBuffer), { replyEncoding: null })
    try {
      return toReply(await this.redis.sendCommand(command))
    } catch (error) {
      if (isReplyError(error)) return new ErrorReply(error.message)
      const what = writable
        ? `lost the connection to Redis at ${this.#where} before the reply; the command may have run`
        : `no connection to Redis at ${this.#where}; the command was not sent`
      throw new EngineUnavailableError(what, { cause: error })
    }
  }

  close(): void {
    this.redis.disconnect()
  }
}

/** ioredis turns any other bytes into text. */
function toBuffer(argument: Argument): string | Buffer {
  if (typeof argument === "string") return argument
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength)
}

function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError"
}

/** Converts a reply of ioredis: text is in buffers and (by `stringNumbers`) integers are strings of digits. */
function toReply(raw: unknown): Reply {
  if (raw === null || raw instanceof Buffer) return raw
  if (typeof raw === "string") {
    const number = Number(raw)
    return Number.isSafeInteger(number) ? number : BigInt(raw)
  }
  if (Array.isArray(raw)) return raw.map(toReply)
  if (isReplyError(raw)) return new ErrorReply(raw.message)
  throw new TypeError("Redis sent an invalid reply")
}
