// The server's interface to the Redis behind it: run a command, run a transaction, listen to a channel.

import type { Bytes } from "./bytes.js"

/** A command as in RESP: a name and its arguments. A request's raw body is bytes. */
export type Argument = string | Bytes
export type Command = readonly Argument[]

/** The reply to a command. Text is bytes; an integer beyond 2^53 is a `bigint`. */
export type Reply = Bytes | number | bigint | null | ErrorReply | readonly Reply[]

/** An error reply of Redis, or of this server in its place. Its message begins with the code, as in `ERR …`. */
export class ErrorReply extends Error {
  override readonly name = "ErrorReply"
}

/** The Redis behind the server could not be reached, so there is no reply. */
export class EngineUnavailableError extends Error {
  override readonly name = "EngineUnavailableError"
}

/** One channel, or every channel that matches a glob pattern. */
export interface Topic {
  readonly kind: "channel" | "pattern"
  readonly name: string
}

export interface Listener {
  onMessage(channel: Bytes, payload: Bytes): void
  /** The subscription has ended without having been stopped: messages may have been missed. */
  onEnd(): void
}

export interface Engine {
  /**
   * Runs one command. Calls made in one turn run in that order.
   * @throws EngineUnavailableError
   */
  run(command: Command): Promise<Reply>
  /**
   * Runs commands without others in between; an `ErrorReply` means that none of them ran.
   * @throws EngineUnavailableError
   */
  transact(commands: readonly Command[]): Promise<readonly Reply[] | ErrorReply>
  /**
   * Listens once the promise has resolved, until the returned function is called.
   * @throws EngineUnavailableError
   */
  subscribe(topic: Topic, listener: Listener): Promise<() => void>
  /** Ends every subscription and connection. */
  close(): Promise<void>
}

/** A command's name in upper case. */
export function nameOf(command: Command): string {
  return String(command[0] ?? "").toUpperCase()
}
