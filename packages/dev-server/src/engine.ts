// What the server needs of the Redis behind it: run a command, run several as one, listen to a channel.

/** A command as RESP has it: a name and its arguments. A request's raw body travels as a `Buffer`. */
export type Argument = string | Buffer
export type Command = readonly Argument[]

/** What a command answers. Text is bytes; an integer beyond 2^53 is a `bigint`. */
export type Reply = Buffer | number | bigint | null | ErrorReply | readonly Reply[]

/** An error that Redis (or this server in its place) answers; its message opens with the code, as in `ERR …`. */
export class ErrorReply extends Error {
  override readonly name = "ErrorReply"
}

/** The Redis behind the server could not be reached, so there is no answer of any kind. */
export class EngineUnavailableError extends Error {
  override readonly name = "EngineUnavailableError"
}

/** What can be listened to: one channel, or every channel that fits a glob pattern. */
export interface Topic {
  readonly kind: "channel" | "pattern"
  readonly name: string
}

export interface Listener {
  onMessage(channel: Buffer, payload: Buffer): void
  /** No more will come, although nobody asked to stop: messages may have been missed. */
  onEnd(): void
}

export interface Engine {
  /**
   * Runs one command. Calls made in one turn run in that order.
   * @throws EngineUnavailableError
   */
  run(command: Command): Promise<Reply>
  /**
   * Runs commands with nothing in between; an `ErrorReply` means that none of them ran.
   * @throws EngineUnavailableError
   */
  transact(commands: readonly Command[]): Promise<readonly Reply[] | ErrorReply>
  /**
   * Listens from the moment the promise resolves until the function it resolves to is called.
   * @throws EngineUnavailableError
   */
  subscribe(topic: Topic, listener: Listener): Promise<() => void>
  /** Ends every subscription and connection. */
  close(): Promise<void>
}

/** A command's name in capitals, whatever the case it was sent in. */
export function nameOf(command: Command): string {
  return String(command[0] ?? "").toUpperCase()
}
