// The error of a command without a usable reply: why, and whether the command may have been executed all the same.
import { withoutTokens } from "../values/token.js"
import type { Refusal } from "./refusal.js"

/** The facts of a failure. */
export interface RedisFailure {
  /**
   * `refused`: the database replied with an error. `unknown`: anything else; the command may have been executed, may be
   * in flight, or may never have arrived.
   */
  readonly outcome: "refused" | "unknown"
  readonly status?: number | undefined
  /** The meaning of a refusal, read from the database's own message. @default permanent */
  readonly refusal?: Refusal
  /** The request that was given up at its deadline, if its reply can still arrive. */
  readonly unsettled?: Promise<unknown>
}

/** A command without a usable reply. */
export class RedisError extends Error {
  override readonly name: string = "RedisError"
  /** `refused`: the database replied with an error, and did nothing. `unknown`: it may have been executed. */
  readonly outcome: "refused" | "unknown"
  /** The HTTP status of the response, if there was one. */
  readonly status: number | undefined
  readonly #refusal: Refusal | undefined
  readonly #unsettled: Promise<unknown> | undefined

  constructor(message: string, failure: RedisFailure) {
    super(withoutSecrets(message))
    this.outcome = failure.outcome
    this.status = failure.status
    this.#refusal = failure.refusal
    this.#unsettled = failure.unsettled
  }

  /** Whether the same command may succeed in a moment: its outcome is unknown, or the refusal is temporary. */
  get isTransient(): boolean {
    return this.outcome === "unknown" || this.#refusal === "transient"
  }

  /** Whether the database does not know `allow-key-locking`. It then refused the whole script, which has done nothing. */
  get lacksKeyLocking(): boolean {
    return this.#refusal === "no-key-locking"
  }

  /** Whether the command may have been executed, or may yet be. A request that was not authorized was not. */
  get mayHaveBeenExecuted(): boolean {
    return !(this.outcome === "refused" && (this.status === 401 || this.status === 403))
  }

  /** The request that was given up at its deadline, if its reply can still arrive. */
  get unsettled(): Promise<unknown> | undefined {
    return this.#unsettled
  }
}

/** For a reply that none of our commands can have: whether the command was executed is unknown. */
export function unexpectedReply(status?: number): RedisError {
  return new RedisError("unexpected response to this command", {
    outcome: "unknown",
    status,
  })
}

/**
 * For the reply to another request: frameworks patch `fetch` and answer a repeated POST from a cache. Such a reply is
 * outdated.
 */
export function staleReply(): RedisError {
  return new RedisError("the reply belongs to another request (is fetch cached?)", {
    outcome: "unknown",
  })
}

/**
 * Whether the error is not a failure but a framework's way to end a rendering: Next.js throws errors with a `digest` from
 * its `fetch` and has to get them back unchanged.
 */
export function isControlFlow(error: unknown): error is Error {
  return error instanceof Error && typeof (error as { digest?: unknown }).digest === "string"
}

/** Servers and clients quote commands and headers in their errors, tokens included. */
function withoutSecrets(message: string): string {
  const [text = ""] = message.split(", command was:")
  return withoutTokens(text.replace(/Bearer [^"]+/g, "Bearer …")).slice(0, 300)
}
