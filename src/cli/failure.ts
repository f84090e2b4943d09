// The ways in which a command can fail, and the exit code of each.
import { LockBackendError, LockLostError, LockTimeoutError } from "../errors.js"
import { printable } from "./printable.js"

/** Those of sysexits.h where there is one, since programs rarely use them for anything else. */
export const EXIT = {
  /** The command line, the environment or an env file is wrong. */
  usage: 64,
  /** The database could not be reached, refused, or replied with nonsense. */
  database: 69,
  /** A bug of this program. */
  bug: 70,
  /** The output could not be written. */
  output: 74,
  /** The lock is held by others. */
  conflict: 75,
  /** The hold was lost while the command ran. */
  lost: 79,
  /** The command could not be executed, as in a shell. */
  notExecutable: 126,
  /** There is no such command, as in a shell. */
  notFound: 127,
} as const

/** An error in what the user passed. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

/** The output of this program could not be written, because of a full disk for example. */
export class OutputError extends Error {
  override readonly name = "OutputError"
}

/** Prints one line about the error, and returns the exit code. */
export function reportFailure(error: unknown): number {
  if (error instanceof LockBackendError) {
    say(error.message)
    return EXIT.database
  }
  if (error instanceof LockTimeoutError) {
    say(error.message)
    return EXIT.conflict
  }
  if (error instanceof LockLostError) {
    say(error.message)
    return EXIT.lost
  }
  if (error instanceof OutputError) {
    say(error.message)
    return EXIT.output
  }
  if (isArgumentError(error)) {
    say(error.message)
    return EXIT.usage
  }
  console.error(error)
  return EXIT.bug
}

/** Whether it is ours, or one of the library's, which begin with the name of an option. */
function isArgumentError(error: unknown): error is Error {
  if (error instanceof UsageError) return true
  const isRefusal =
    error instanceof TypeError || error instanceof RangeError || error instanceof DOMException
  return isRefusal && /^[a-zA-Z.]+: /.test(error.message)
}

/** Prints a line on stderr: stdout belongs to the user's command, or to what was asked for. */
export function say(message: string): void {
  process.stderr.write(`fetchlock: ${printable(message)}\n`)
}
