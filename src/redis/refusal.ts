// Classifies the error of a database: transient, without support for key locking, or permanent.

/**
 * - `transient`: it is starting, failing over, busy or out of memory. The same request may succeed in a moment.
 * - `no-key-locking`: it does not know the flag (or any shebang) in the first line of a script.
 * - `permanent`: anything else, such as a wrong token, a missing permission or an unknown command.
 */
export type Refusal = "transient" | "no-key-locking" | "permanent"

/** Up to version 6, Redis wraps the error of a command in a script: `ERR Error running script (…): …: -READONLY …`. */
const TRANSIENT =
  /^(?:ERR Error running script .*?: ?-)?(?:READONLY|BUSY|LOADING|MISCONF|OOM|MASTERDOWN|TRYAGAIN|CLUSTERDOWN|NOREPLICAS)(?: |$)/s

/** The error of Redis 7 for an unknown flag, and of older versions for every shebang. */
const NO_KEY_LOCKING =
  /^ERR (?:Unexpected flag in script shebang|Error compiling script .*unexpected symbol near '#')/is

/** @param text the server's original message: a scrubbed one may have lost the relevant words */
export function readRefusal(text: string): Refusal {
  if (TRANSIENT.test(text)) return "transient"
  return NO_KEY_LOCKING.test(text) ? "no-key-locking" : "permanent"
}
