// Names the operation of a command, so that tests can speak of "release" and not of a script's text.
import * as scripts from "../../src/redis/lua/scripts.js"

/** The name of the script that it runs, or else of the command. */
export function operationOf(command: readonly string[]): string {
  const [name = "", script = ""] = command
  if (name.toUpperCase() !== "EVAL") return name.toUpperCase()
  const [found] = Object.entries(scripts).find(([, text]) => script.includes(text)) ?? ["EVAL"]
  // The first request of a caller that would wait is a claim, too.
  return found === "acquire" && argumentsOf(command)[2] === "claim" ? "claim" : found
}

/** The same with the step, if one script has several: `acquire: check`, `release: leave`, `steal: replace`. */
export function stepOf(command: readonly string[]): string {
  const operation = operationOf(command)
  const [, second = "", third = ""] = argumentsOf(command)
  switch (operation) {
    case "acquire":
      return `acquire: ${third}`
    case "release":
      // The second argument is the entry of the waiter that leaves.
      return second === "" ? "release: hold" : "release: leave"
    case "steal":
      // The third one is the value that was found there.
      return third === "" ? "steal: look" : "steal: replace"
    default:
      return operation
  }
}

/** The arguments of a script. */
export function argumentsOf(command: readonly string[]): readonly string[] {
  return command.slice(3 + Number(command[2]))
}
