#!/usr/bin/env node
// The command `fetchlock`: finds the command and runs it.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parseArguments } from "./command-line.js"
import { COMMAND_NAMES, COMMANDS } from "./commands.js"
import { EXIT, reportFailure, UsageError } from "./failure.js"
import { nearest } from "./nearest.js"
import { printText } from "./output.js"
import { inQuotes } from "./printable.js"

// The reader of stderr may be gone, as after `2>&1 | head`: that must not end this program before it has cleaned up.
process.stderr.on("error", () => undefined)
void main(process.argv.slice(2))

async function main(words: readonly string[]): Promise<void> {
  // In case that nothing keeps the process alive although the command has not ended.
  process.exitCode = EXIT.bug
  const code = await execute(words).catch(reportFailure)
  if (code === undefined) return
  // A request that has no reply, or a stream, must not keep the process alive.
  process.exit(code)
}

/** Returns the exit code; undefined if the process goes on by itself. */
async function execute([name, ...words]: readonly string[]): Promise<number | undefined> {
  switch (name) {
    case "dev":
      process.exitCode = undefined
      await (await import("./dev.js")).runDev(words)
      return undefined
    case "-V":
    case "--version":
      await printText(`${versionOfPackage()}\n`)
      return 0
    case "-h":
    case "--help":
      await printText((await import("./help.js")).overview())
      return 0
    case undefined:
      process.stderr.write((await import("./help.js")).overview())
      return EXIT.usage
    case "help":
      return words[0] === undefined ? execute(["--help"]) : execute([words[0], "--help"])
    default: {
      const command = COMMANDS.find((one) => one.name === name)
      if (!command) throw unknownCommand(name)
      const own = words.slice(0, words.includes("--") ? words.indexOf("--") : undefined)
      if (own.includes("--help") || own.includes("-h")) {
        await printText((await import("./help.js")).helpOf(command))
        return 0
      }
      const args = parseArguments(command, words)
      const { execute: run } = await command.load()
      return run(args)
    }
  }
}

function unknownCommand(name: string): UsageError {
  const kind = name.startsWith("-") ? "option" : "command"
  const [near] = kind === "command" ? nearest(name, COMMAND_NAMES) : []
  const hint = near ? `did you mean ${near}?` : "see fetchlock --help"
  return new UsageError(`unknown ${kind} ${inQuotes(name)}, ${hint}`)
}

function versionOfPackage(): string {
  const file = join(import.meta.dirname, "../../package.json")
  const manifest = JSON.parse(readFileSync(file, "utf8")) as { version: string }
  return manifest.version
}
