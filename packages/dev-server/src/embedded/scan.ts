// What SCAN, HSCAN, SSCAN and ZSCAN share. Everything comes in one page, with the cursor 0.
import { ErrorReply } from "../engine.js"
import { at, integerOf, syntaxError } from "./arguments.js"
import { globToRegExp } from "./glob.js"

interface ScanOptions {
  readonly matches: (name: string) => boolean
  /** Only SCAN has it. */
  readonly type: string | undefined
}

export function scanOptions(cursor: string, options: readonly string[]): ScanOptions {
  if (!/^\d+$/.test(cursor)) throw new ErrorReply("ERR invalid cursor")
  let pattern: RegExp | undefined
  let type: string | undefined
  for (let i = 0; i < options.length; i += 2) {
    const word = options[i]?.toUpperCase()
    const value = at(options, i + 1)
    if (word === "MATCH") pattern = globToRegExp(value)
    else if (word === "TYPE") type = value.toLowerCase()
    else if (word !== "COUNT" || integerOf(value) < 1) throw syntaxError()
  }
  return { matches: (name) => pattern?.test(name) ?? true, type }
}
