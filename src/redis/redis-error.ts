// Why a command got no usable answer, and whether it may have been executed all the same.
import { withoutTokens } from "../values/token.js"
import type { Refusal } from "./refusal.js"

/** The facts of a failure. */
export interface RedisFailure {
  /**
   * `refused`: the database answered with an error. `unknown`: anything else, and the command may have been
   * executed, may be under way, or may never have arrived.
   */
  readonly outcome: "refused" | "unknown"
  readonly status?: number | undefined
  /** What the error of a database that refused means, read from its own words. @default lasting */
  readonly refusal?: Refusal
  /** The answer that was given up at the deadline, if it can still arrive. */
  readonly late?: Promise<unknown>
}

/** A command that got no usable answer. */
export class RedisError extends Error {
  override readonly name: string = "RedisError"
  readonly outcome: "refused" | "unknown"
  readonly status: number | undefined
  readonly #refusal: Refusal | undefined
  readonly #late: Promise<unknown> | undefined

  constructor(message: string, failure: RedisFailure) {
    super(withoutSecrets(message))
    this.outcome = failure.outcome
    this.status = failure.status
    this.#refusal = failure.refusal
    this.#late = failure.late
  }

  /** Whether the same command may succeed in a moment: its outcome is unknown, or the refusal is one that passes. */
  get mayPass(): boolean {
    return this.outcome === "unknown" || this.#refusal === "passing"
  }

  /** Whether the database does not know `allow-key-locking`. A script that it refused whole has done nothing. */
  get lacksKeyLocking(): boolean {
    return this.#refusal === "no-key-locking"
  }

  /** Whether the command may have been executed, or may yet be: whoever was not let in has done nothing. */
  get mayHaveBeenExecuted(): boolean {
    return !(this.outcome === "refused" && (this.status === 401 || this.status === 403))
  }

  /** The answer that was given up at the deadline, if it can still arrive. */
  get late(): Promise<unknown> | undefined {
    return this.#late
  }
}

/** A reply that no command of ours can have: whether it was executed is anybody's guess. */
export function unexpectedReply(status?: number): RedisError {
  return new RedisError("the answer is none that this command can have", {
    outcome: "unknown",
    status,
  })
}

/**
 * A reply that was made for another request: frameworks patch `fetch` and answer a POST that they have seen before from a
 * cache. What it says was true once.
 */
export function staleReply(): RedisError {
  return new RedisError("the reply was not made for this request (does something cache fetch?)", {
    outcome: "unknown",
  })
}

/**
 * Whether it is not a failure but how a framework ends a rendering: Next.js throws errors with a `digest` from its
 * `fetch` and has to get them back as they are.
 */
export function isControlFlow(error: unknown): error is Error {
  return error instanceof Error && typeof (error as { digest?: unknown }).digest === "string"
}

/** Servers and clients quote commands and headers in their errors, tokens included. */
function withoutSecrets(message: string): string {
  const [text = ""] = message.split(", command was:")
  return withoutTokens(text.replace(/Bearer [^"]+/g, "Bearer …")).slice(0, 300)
}
