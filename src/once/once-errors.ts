// The errors of a shared run, in addition to those of a lock.
import { quoted } from "../values/invalid-argument.js"
import { withoutTokens } from "../values/token.js"

/** `mismatch`: another fingerprint. `attempts`: too many runs crashed. */
export type OnceErrorCode = "mismatch" | "attempts"

/**
 * The base of the errors that `once` has in addition to those of a lock.
 *
 * @example
 * ```ts
 * import { once, OnceError } from "fetchlock/once"
 *
 * try {
 *   await once(locks, "report", () => buildReport())
 * } catch (error) {
 *   if (!(error instanceof OnceError)) throw error
 *   console.log(error.code, error.onceName)
 * }
 * ```
 */
export abstract class OnceError extends Error {
  /** The kind of the error, for a `switch`. */
  abstract readonly code: OnceErrorCode
  /** The name that was passed to `once`. (`name` is the name of the error class.) */
  readonly onceName: string

  constructor(onceName: string, message: string) {
    super(`${quoted(onceName)} ${message}`)
    this.onceName = onceName
  }
}

/**
 * The name has a run or a result with another `fingerprint`.
 *
 * @example
 * ```ts
 * import { once, OnceMismatchError } from "fetchlock/once"
 *
 * const fingerprint = "sha256-of-the-input"
 * await once(locks, "import:7", { fingerprint }, () => buildReport()).catch((error) => {
 *   if (!(error instanceof OnceMismatchError)) throw error
 *   console.log("the same name with another input")
 * })
 * ```
 */
export class OnceMismatchError extends OnceError {
  override readonly name = "OnceMismatchError"
  /** `"mismatch"` */
  readonly code = "mismatch"

  constructor(onceName: string) {
    super(onceName, "is in use with another fingerprint")
  }
}

/**
 * `attempts` runs in a row crashed. The next call runs a minute after the last crash, or as `rememberCrashes` says.
 *
 * @example
 * ```ts
 * import { once, OnceAttemptsError } from "fetchlock/once"
 *
 * await once(locks, "report", { attempts: 1 }, () => buildReport()).catch((error) => {
 *   if (!(error instanceof OnceAttemptsError)) throw error
 *   console.log(`crashed ${error.attempts} times`)
 * })
 * ```
 */
export class OnceAttemptsError extends OnceError {
  override readonly name = "OnceAttemptsError"
  /** `"attempts"` */
  readonly code = "attempts"
  /** How many runs crashed. */
  readonly attempts: number

  constructor(onceName: string, attempts: number) {
    super(onceName, `crashed ${attempts} times in a row`)
    this.attempts = attempts
  }
}

/**
 * The error of a run that another caller made: its name, its message, and its code if that is a string or a number. Its
 * stack and its other properties are not shared.
 *
 * @example
 * ```ts
 * import { once, OnceRunError } from "fetchlock/once"
 *
 * await once(locks, "report", () => buildReport()).catch((error) => {
 *   if (error instanceof OnceRunError) console.log("failed in another process", error.name, error.code)
 *   throw error
 * })
 * ```
 */
export class OnceRunError extends Error {
  override readonly name: string
  /** The code of the run's error, if it had one. */
  readonly code: string | number | undefined

  constructor(name: string, message: string, code: string | number | undefined) {
    super(message)
    this.name = name
    this.code = code
  }
}

/** The longest name, message or code that is shared, in characters. */
const LONGEST = 1_000

/** An error as it is stored and published. */
export function writeError(error: unknown): string {
  const { name, message, code } = (error instanceof Error ? error : { message: error }) as {
    name?: unknown
    message: unknown
    code?: unknown
  }
  // Only strings are read: an object may throw when it is converted to one.
  const text = (value: unknown, otherwise: string) =>
    typeof value === "string" ? withoutTokens(value).slice(0, LONGEST) : otherwise
  return JSON.stringify([
    text(name, "Error"),
    text(message, "the run failed"),
    typeof code === "number" ? code : text(code, ""),
  ])
}

/** @throws any error for text that `writeError` did not write. */
export function readError(text: string): OnceRunError {
  const [name, message, code] = JSON.parse(text) as [string, string, string | number]
  return new OnceRunError(name, message, code === "" ? undefined : code)
}
