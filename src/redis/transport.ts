// How a command travels: the small interface that each way to travel fills.

/** Just so much of `fetch` as is used here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** Hears what is published on a channel. */
export interface Listener {
  /** A message has come. */
  onMessage(message: string): void
  /** Nothing will come any more: the stream has ended, broken or garbled. Called at most once, not after `close`. */
  onEnd(): void
}

/** A stream that is open. */
export interface Subscription {
  /** Ends it; nothing is heard afterwards. */
  close(): void
}

/** A part of all keys. */
export interface ScanPage {
  readonly next: string
  readonly keys: readonly string[]
}

/** A way to have one Redis command executed over HTTP. Failures are a `RedisError`. */
export interface Transport {
  /** Whether it notices that a stream has ended. One that does not has to be checked more often. */
  readonly noticesEnd: boolean

  /**
   * `EVAL script`: the script's reply, numbers possibly parsed out of strings.
   *
   * @param longest how many bytes of a reply are read, where the transport reads it itself. Default: about 1 MB
   */
  evaluate(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
    longest?: number,
  ): Promise<unknown>

  /** `SCAN cursor MATCH pattern COUNT count`: the next cursor, `"0"` at the end, and some keys. */
  scan(cursor: string, pattern: string, count: number, timeoutMs: number): Promise<ScanPage>

  /** `PUBLISH channel message`. */
  publish(channel: string, message: string, timeoutMs: number): Promise<unknown>

  /** Opens a stream of what is published on the channel; resolves when the database has confirmed it. */
  subscribe(channel: string, listener: Listener, timeoutMs: number): Promise<Subscription>
}
