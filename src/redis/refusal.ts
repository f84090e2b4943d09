// Reads what a database means by an error: whether it will pass, and what it says that it lacks.

/**
 * - `passing`: it is starting, failing over, busy or out of memory. The same request may succeed in a moment.
 * - `no-key-locking`: it does not know the flag (or any shebang) in the first line of a script.
 * - `lasting`: anything else, such as a wrong token, a missing permission or an unknown command.
 */
export type Refusal = "passing" | "no-key-locking" | "lasting"

/** Up to version 6, Redis wraps what a command in a script was answered: `ERR Error running script (…): …: -READONLY …`. */
const PASSING =
  /^(?:ERR Error running script .*?: ?-)?(?:READONLY|BUSY|LOADING|MISCONF|OOM|MASTERDOWN|TRYAGAIN|CLUSTERDOWN|NOREPLICAS)(?: |$)/s

/** What Redis 7 says of a flag that it does not know, and what older ones say of every shebang. */
const NO_KEY_LOCKING =
  /^ERR (?:Unexpected flag in script shebang|Error compiling script .*unexpected symbol near '#')/is

/** @param text the server's own words: a message that was scrubbed may have lost them */
export function readRefusal(text: string): Refusal {
  if (PASSING.test(text)) return "passing"
  return NO_KEY_LOCKING.test(text) ? "no-key-locking" : "lasting"
}
