// The dev server's options, their defaults, and what is refused at the door.
import { randomBytes } from "node:crypto"
import { hostOf } from "./request-origin.js"

export interface DevServerOptions {
  /**
   * The port to listen on, 0–65535; 0 takes any that is free.
   * @default 8079
   */
  readonly port?: number
  /**
   * The address to listen on. Any but a loopback address lets the whole network use the database with the token.
   * @default "127.0.0.1"
   */
  readonly hostname?: string
  /**
   * Further hosts that requests may name in their `Host` header, such as `host.docker.internal`, without a port.
   * Loopback names and addresses and `hostname` itself are always allowed. Each further host is one through which a web
   * page may reach the server by DNS rebinding, if others control that name.
   * @default []
   */
  readonly allowedHosts?: readonly string[]
  /**
   * The token that requests must carry.
   * @default a random token, in the `token` property of the server
   */
  readonly token?: string
  /**
   * A real Redis to work on, as a `redis://` or `rediss://` URL. Left out, the server has an engine of its own, in
   * memory, which is empty at first and gone when the server closes.
   */
  readonly redis?: string
  /**
   * Milliseconds between keep-alive comments on an open stream. Fewer notice a vanished client sooner, and send more.
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

/** @throws TypeError, RangeError with the name of the option; a token or a URL's password is not repeated. */
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
    throw new RangeError(`port: must be a whole number from 0 to 65535, got ${port}`)
  if (hostname === "") throw new TypeError("hostname: must be an address, got nothing")
  const badHost = allowedHosts.find((host) => !isHost(host))
  if (badHost !== undefined)
    throw new TypeError(
      `allowedHosts: must be host names or addresses without a port, got "${badHost}"`,
    )
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new TypeError("token: must be text that a header can carry, without spaces")
  if (!(keepAlive >= 1 && keepAlive <= 2 ** 31 - 1))
    throw new RangeError(`keepAlive: must be milliseconds from 1 to 2147483647, got ${keepAlive}`)
  if (redis !== undefined && !isRedisUrl(redis))
    throw new TypeError("redis: must be a URL that begins with redis:// or rediss://")
  return { port, hostname, allowedHosts, token, redis, keepAliveMs: keepAlive }
}

function isRedisUrl(text: string): boolean {
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) return false
  return new URL(text).hostname !== ""
}

/** A name or an address; IPv6 with or without brackets. */
function isHost(text: string): boolean {
  const url = `http://${hostOf(text)}/`
  return /^[^\s/?#@]+$/.test(text) && URL.canParse(url) && new URL(url).port === ""
}
