// The types of `redlock` that the tests need: the package does not export its own.
declare module "redlock" {
  import type { EventEmitter } from "node:events"
  import type { Redis } from "ioredis"

  export interface Settings {
    readonly retryCount: number
    readonly retryDelay: number
    readonly retryJitter: number
  }

  export default class Redlock extends EventEmitter {
    constructor(clients: readonly Redis[], settings: Partial<Settings>)
    acquire(
      resources: string[],
      durationMs: number,
      settings: Partial<Settings>,
    ): Promise<{ release(): Promise<unknown> }>
  }
}
