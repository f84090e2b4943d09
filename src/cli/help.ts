// The help texts.
import { columns } from "./columns.js"
import { type Command, COMMANDS } from "./commands.js"

export function overview(): string {
  const rows = [
    ...COMMANDS.map(({ name, summary }) => [`  ${name}`, summary]),
    ["  dev", "start a local server that speaks Upstash's REST API"],
  ]
  return `Usage: fetchlock COMMAND [options]

A distributed lock for scripts and CI, over Redis's REST API.

Commands:
${columns(rows)}
Options:
  -V, --version  print the version
  -h, --help     print this help; fetchlock COMMAND --help prints that of a command

The database is named by UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or by KV_REST_API_URL and
KV_REST_API_TOKEN.
`
}

export function helpOf(command: Command): string {
  const { name, summary, usage, description, options, exitCodes, examples, usesDatabase } = command
  const optionRows = [...options, { name: "help", value: undefined, help: "print this help" }].map(
    ({ name, value, help }) => [`  --${name}${value === undefined ? "" : ` ${value}`}`, help],
  )
  const codes = [
    ...exitCodes,
    ...(exitCodes.some(([code]) => code === "COMMAND's" || code === "0")
      ? []
      : [["0", "success"] as const]),
    ["64", "the arguments or the environment are wrong"] as const,
    ...(name === "run" ? [] : [["74", "the output could not be written"] as const]),
    ...(usesDatabase
      ? [["69", "the database could not be reached, or refused the request"] as const]
      : []),
  ]
  const byCode = [...codes].sort(([a], [b]) => (Number(a) || -1) - (Number(b) || -1))
  const sections = [
    `NAME\n  fetchlock ${name} - ${summary}\n`,
    `SYNOPSIS\n  fetchlock ${name} ${usage}\n`,
    `DESCRIPTION\n${indented(description)}\n`,
    `OPTIONS\n${columns(optionRows)}`,
    `EXIT STATUS\n${columns(byCode.map(([code, meaning]) => [`  ${code}`, meaning]))}`,
    ...(usesDatabase ? [ENVIRONMENT] : []),
    `EXAMPLES\n${examples.map((example) => `  ${example}\n`).join("")}`,
  ]
  return sections.join("\n")
}

const ENVIRONMENT = `ENVIRONMENT
  UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN
  or KV_REST_API_URL, KV_REST_API_TOKEN: the database. There are no options for them, since other users of this
  machine can read those.
`

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => (line === "" ? line : `  ${line}`))
    .join("\n")
}
