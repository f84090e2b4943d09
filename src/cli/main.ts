#!/usr/bin/env node
// The command `fetchlock`.
import { readFileSync } from "node:fs"
import { runDev } from "./dev.js"

const USAGE = `Usage: fetchlock [options] [command]

A distributed lock for code that has only fetch.

Options:
  -V, --version  print the version
  -h, --help     print this help

Commands:
  dev            start a local server that speaks Upstash's REST API (dev --help lists its options)
`

const [command, ...args] = process.argv.slice(2)

switch (command) {
  case "dev":
    await runDev(args)
    break
  case "-V":
  case "--version":
    process.stdout.write(`${versionOfPackage()}\n`)
    break
  case "-h":
  case "--help":
  case "help":
    process.stdout.write(USAGE)
    break
  case undefined:
    process.stderr.write(USAGE)
    process.exitCode = 1
    break
  default: {
    const kind = command.startsWith("-") ? "option" : "command"
    console.error(`fetchlock: unknown ${kind} '${command}', see fetchlock --help`)
    process.exitCode = 1
  }
}

function versionOfPackage(): string {
  const file = new URL("../../package.json", import.meta.url)
  const manifest = JSON.parse(readFileSync(file, "utf8")) as { version: string }
  return manifest.version
}
