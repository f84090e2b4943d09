// The errors that only a shared run has: beside those of a lock.
import { quoted } from "../values/invalid-argument.js"
import { withoutTokens } from "../values/token.js"

/** Which kind of error it is: another fingerprint, or runs that crashed. */
export type OnceErrorCode = "mismatch" | "attempts"

/** What the errors of `once` have in common that are not those of a lock. */
export abstract class OnceError extends Error {
  abstract readonly code: OnceErrorCode
  /** The name that was to run once. (`name` is the error's own.) */
  readonly onceName: string

  constructor(onceName: string, message: string) {
    super(`${quoted(onceName)} ${message}`)
    this.onceName = onceName
  }
}

/** The name is in use, or remembered, with another `fingerprint`. */
export class OnceMismatchError extends OnceError {
  override readonly name = "OnceMismatchError"
  readonly code = "mismatch"

  constructor(onceName: string) {
    super(onceName, "is in use with another fingerprint")
  }
}

/** As many runs as `attempts` allows crashed, one after the other. A minute after the last of them the next call runs. */
export class OnceAttemptsError extends OnceError {
  override readonly name = "OnceAttemptsError"
  readonly code = "attempts"
  /** How many runs crashed. */
  readonly attempts: number

  constructor(onceName: string, attempts: number) {
    super(onceName, `crashed ${attempts} times in a row`)
    this.attempts = attempts
  }
}

/**
 * What a run of another caller threw: its name, its message, and its code where that is text or a number. No stack and no
 * other property of it travels.
 */
export class OnceRunError extends Error {
  override readonly name: string
  readonly code: string | number | undefined

  constructor(name: string, message: string, code: string | number | undefined) {
    super(message)
    this.name = name
    this.code = code
  }
}

/** The longest name, message or code that is shared. */
const LONGEST = 1_000

/** An error as it is stored and published. */
export function writeError(error: unknown): string {
  const { name, message, code } = (error instanceof Error ? error : { message: error }) as {
    name?: unknown
    message: unknown
    code?: unknown
  }
  // What is not text may be an object that throws when it is asked for some.
  const text = (value: unknown, otherwise: string) =>
    typeof value === "string" ? withoutTokens(value).slice(0, LONGEST) : otherwise
  return JSON.stringify([
    text(name, "Error"),
    text(message, "the run failed"),
    typeof code === "number" ? code : text(code, ""),
  ])
}

/** @throws whatever it does for text that `writeError` did not write. */
export function readError(text: string): OnceRunError {
  const [name, message, code] = JSON.parse(text) as [string, string, string | number]
  return new OnceRunError(name, message, code === "" ? undefined : code)
}
