// Names what a command asks for, so that tests can speak of "release" and not of a script's text.
import * as scripts from "../../src/lua/scripts.js"

/** The name of the script that it runs or that it stands for, or else of the command. */
export function operationOf(command: readonly string[]): string {
  const [name = "", script = ""] = command
  if (name.toUpperCase() === "DELEX") return "release"
  if (name.toUpperCase() === "SET" && command.includes("IFEQ")) return "extend"
  if (name.toUpperCase() !== "EVAL") return name.toUpperCase()
  const [found] = Object.entries(scripts).find(([, text]) => script.endsWith(text)) ?? ["EVAL"]
  return found
}

/** The same, and which step of it where one script does several: `acquire: check`, `release: leave`, `steal: replace`. */
export function stepOf(command: readonly string[]): string {
  const operation = operationOf(command)
  switch (operation) {
    case "acquire":
      return `acquire: ${command.at(-2) ?? ""}`
    case "release":
      // The last argument of the script is the entry of who leaves.
      return command.includes("IFEQ") || command.at(-1) === "" ? "release: hold" : "release: leave"
    case "steal":
      // The one before the last is what was found there.
      return command.at(-2) === "" ? "steal: look" : "steal: replace"
    default:
      return operation
  }
}
