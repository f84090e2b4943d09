// Independent databases for a quorum: real redis-servers, each behind a local REST server of its own, that can fail.
import { type DevServer, startDevServer } from "@fetchlock/dev-server"
import { FaultProxy, nothing } from "./fault-proxy.js"
import { type RedisServer, startRedis } from "./redis-server.js"

const TOKEN = "rest-token-of-a-node"

export class TestNode {
  /** Decides on the faults of requests. */
  readonly faults: FaultProxy
  readonly #server: DevServer
  #redis: RedisServer
  #isKilled = false

  static async start(): Promise<TestNode> {
    const redis = await startRedis()
    const server = await startDevServer({ port: 0, token: TOKEN, redis: redis.url })
    return new TestNode(redis, server, await FaultProxy.open(server.url))
  }

  private constructor(redis: RedisServer, server: DevServer, faults: FaultProxy) {
    this.#redis = redis
    this.#server = server
    this.faults = faults
  }

  /** The way to it without the proxy. */
  get direct(): { url: string; token: string } {
    return { url: this.#server.url, token: TOKEN }
  }

  /** The way to it through the proxy. */
  get proxied(): { url: string; token: string } {
    return { url: this.faults.url, token: TOKEN }
  }

  async command(...command: readonly string[]): Promise<unknown> {
    const response = await fetch(this.#server.url, {
      method: "POST",
      headers: { Authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify(command),
    })
    const reply = (await response.json()) as { result?: unknown; error?: string }
    if (reply.error !== undefined) throw new Error(reply.error)
    return reply.result
  }

  /** It replies to nothing and forgets nothing, until `resume`. */
  pause(): void {
    this.#redis.pause()
  }

  resume(): void {
    this.#redis.resume()
  }

  /** It crashes; it comes back with `restart`, empty. */
  kill(): Promise<void> {
    this.#isKilled = true
    return this.#redis.kill()
  }

  async restart(): Promise<void> {
    this.#redis = await startRedis(this.#redis.port)
    this.#isKilled = false
    // The REST server reconnects to it by itself.
    while ((await this.command("PING").catch(() => undefined)) !== "PONG") {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  flush(): Promise<void> {
    return this.#redis.flush()
  }

  /** Repairs it after any failure; it may have lost its memory. */
  async heal(): Promise<void> {
    this.faults.plan = nothing
    this.faults.log.length = 0
    if (this.#isKilled) await this.restart()
    else this.resume()
  }

  async close(): Promise<void> {
    this.resume()
    await this.faults.close()
    await this.#server.close()
    if (!this.#isKilled) await this.#redis.stop()
  }
}

export function startNodes(count: number): Promise<TestNode[]> {
  return Promise.all(Array.from({ length: count }, () => TestNode.start()))
}
