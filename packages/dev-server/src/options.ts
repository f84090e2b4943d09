// The dev server's options, their defaults and their checks.
import { randomBytes } from "node:crypto"
import { hostOf } from "./request-origin.js"

/** The options of `startDevServer`. */
export interface DevServerOptions {
  /**
   * The port to listen on, 0–65535; 0 picks a free one.
   * @default 8079
   */
  readonly port?: number
  /**
   * The address to listen on. With any other than a loopback address, the whole network can use the database with the token.
   * @default "127.0.0.1"
   */
  readonly hostname?: string
  /**
   * Further hosts that requests may name in their `Host` header, such as `host.docker.internal`, without a port.
   * Loopback names and addresses and `hostname` itself are always allowed. If others control the name of a further host, a
   * web page may reach the server through it by DNS rebinding.
   * @default []
   */
  readonly allowedHosts?: readonly string[]
  /**
   * The token that requests must carry.
   * @default a random token, in the `token` property of the server
   */
  readonly token?: string
  /**
   * The `redis://` or `rediss://` URL of a real Redis to use.
   * @default none: the server has its own engine in memory, which starts empty and is lost when the server closes
   */
  readonly redis?: string
  /**
   * Milliseconds between keep-alive comments on an open stream. A lower value notices a vanished client sooner, and sends more.
   * @default 15000
   */
  readonly keepAlive?: number
}

export interface DevServerSettings {
  readonly port: number
  readonly hostname: string
  readonly allowedHosts: readonly string[]
  readonly token: string
  readonly redis: string | undefined
  readonly keepAliveMs: number
}

/** @throws TypeError, RangeError with the name of the option, but never with a token or a URL's password. */
export function readOptions(options: DevServerOptions): DevServerSettings {
  const {
    port = 8079,
    hostname = "127.0.0.1",
    allowedHosts = [],
    token = randomBytes(24).toString("base64url"),
    redis,
    keepAlive = 15_000,
  } = options
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new RangeError(`port: must be an integer from 0 to 65535, got ${port}`)
  if (hostname === "") throw new TypeError('hostname: must be a host name or address, got ""')
  const badHost = allowedHosts.find((host) => !isHost(host))
  if (badHost !== undefined)
    throw new TypeError(
      `allowedHosts: must be host names or addresses without a port, got "${badHost}"`,
    )
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new TypeError("token: must be visible ASCII characters without spaces")
  if (!(keepAlive >= 1 && keepAlive <= 2 ** 31 - 1))
    throw new RangeError(`keepAlive: must be 1 to 2147483647 ms, got ${keepAlive}`)
  if (redis !== undefined && !isRedisUrl(redis))
    throw new TypeError("redis: must be a redis:// or rediss:// URL")
  return { port, hostname, allowedHosts, token, redis, keepAliveMs: keepAlive }
}

function isRedisUrl(text: string): boolean {
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) return false
  return new URL(text).hostname !== ""
}

/** Whether it is a host name or an address; IPv6 with or without brackets. */
function isHost(text: string): boolean {
  const url = `http://${hostOf(text)}/`
  return /^[^\s/?#@]+$/.test(text) && URL.canParse(url) && new URL(url).port === ""
}
