// Reads variables from a file of `NAME=value` lines.
import { readFileSync, statSync } from "node:fs"
import { UsageError } from "./failure.js"
import { inQuotes } from "./printable.js"

/**
 * Reads a file such as `.env.local`: `export` in front, comments, blank lines, and values in single or double quotes are
 * allowed. Nothing is expanded.
 *
 * @throws UsageError if the file cannot be read; its content is not repeated, since it has secrets
 */
export function readEnvFile(path: string): Record<string, string> {
  let text: string
  try {
    // Node looks for an option of that name itself, and empties a pipe before this program runs.
    if (statSync(path).isFIFO()) {
      throw new UsageError(`--env-file: must be a file, got the pipe ${inQuotes(path)}`)
    }
    text = readFileSync(path, "utf8")
  } catch (error) {
    if (error instanceof UsageError) throw error
    const { code = "unknown error" } = error as NodeJS.ErrnoException
    throw new UsageError(`--env-file: cannot read ${inQuotes(path)}: ${code}`)
  }
  const variables: Record<string, string> = {}
  for (const line of text.replace(/^\u{feff}/u, "").split(/\r?\n/)) {
    const [, name, value] = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) variables[name] = valueOf(value)
  }
  return variables
}

function valueOf(text: string): string {
  const [, , quoted] = /^(["'`])(.*?)\1\s*(?:#.*)?$/.exec(text) ?? []
  return quoted ?? text.replace(/(?:^|\s+)#.*$/, "")
}
