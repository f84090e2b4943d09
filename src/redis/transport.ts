// The interface of a transport, which sends Redis commands over HTTP.

/** The part of `fetch` that is used here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** Receives the messages of a channel. */
export interface Listener {
  onMessage(message: string): void
  /** No more messages: the stream has ended, broken or garbled. Called at most once, not after `close`. */
  onEnd(): void
}

/** An open stream. */
export interface Subscription {
  /** Ends it; its listener is not called afterwards. */
  close(): void
}

/** One page of keys. */
export interface ScanPage {
  readonly next: string
  readonly keys: readonly string[]
}

/** Sends single Redis commands over HTTP. Failures are a `RedisError`. */
export interface Transport {
  /** Whether it notices that a stream has ended. If not, waiters have to check more often. */
  readonly noticesEnd: boolean
  /** Set to send all scripts of one tick in one request, and not only those for one key. */
  isGathering?: boolean

  /**
   * `EVAL script`: the script's reply, with strings possibly parsed to numbers.
   *
   * @param longest the most bytes of a reply, if the transport reads it itself. Default: about 1 MB
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

  /** Opens a stream of the channel's messages; resolves when the database has confirmed it. */
  subscribe(channel: string, listener: Listener, timeoutMs: number): Promise<Subscription>
}
