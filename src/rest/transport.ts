// How a command travels: the small interface that each way to travel fills.

/** A way to have one Redis command executed over HTTP. Failures are a `RestError`. */
export interface Transport {
  /** Whether it may send a command again by itself, so that an answer may be that of the second time. */
  readonly mayResend: boolean

  /** `SET key value NX PX ttlMs`: whether the key was absent and is now set. */
  setIfAbsent(key: string, value: string, ttlMs: number, timeoutMs: number): Promise<boolean>

  /** `EVAL script`: the script's reply, numbers possibly parsed out of strings. */
  evaluate(
    script: string,
    keys: readonly string[],
    args: readonly string[],
    timeoutMs: number,
  ): Promise<unknown>
}
