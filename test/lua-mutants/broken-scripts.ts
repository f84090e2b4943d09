// The scripts with a passage of their Lua replaced, as the build would produce them.
import { readFileSync } from "node:fs"
import * as library from "../../src/redis/lua/scripts.js"
import type { Scripts } from "../support/waiter-by-hand.js"

/** A passage of a Lua file that implements a rule, and its replacement. */
export interface LuaMutant {
  /** Below `src/redis/lua`. */
  readonly file: string
  /** Whole lines or a part of one; occurs once in the file. */
  readonly find: string
  readonly replace: string
  /** The rule that it breaks. */
  readonly breaks: string
  /** Why it may survive, for one that no check finds. */
  readonly mayLive?: string
}

/** @throws Error if the mutant no longer matches the source */
export function brokenScripts({ file, find, replace }: LuaMutant): Scripts {
  const pieces = piecesOf(readFileSync(`src/redis/lua/${file}`, "utf8"))
  const [here, ...others] = pieces.filter((piece) => piece.includes(trimmed(find)))
  if (here === undefined || others.length > 0 || here.split(trimmed(find)).length !== 2) {
    throw new Error(`"${find}" must be in ${file} once`)
  }
  const broken = here.split(trimmed(find)).join(trimmed(replace))
  const scripts = Object.entries(library).map(([name, text]) => {
    const isIn = file.startsWith("shared/") || camelCase(file) === `${name}.lua`
    return [name, isIn ? text.split(here).join(broken) : text] as const
  })
  if (scripts.every(([name, text]) => text === library[name as keyof Scripts])) {
    throw new Error(`no script contains that passage of ${file}`)
  }
  return Object.fromEntries(scripts) as Scripts
}

/** The text between the lines that include other files, as it is sent. */
function piecesOf(lua: string): string[] {
  const lines = lua.split("\n").map((line) => line.trim())
  return lines
    .filter((line) => line !== "" && (!line.startsWith("--") || line.startsWith("--@include")))
    .join("\n")
    .split(/\n?--@include .*\n?/)
    .filter((piece) => piece !== "")
}

function trimmed(lua: string): string {
  return lua
    .split("\n")
    .map((line) => line.trim())
    .join("\n")
}

function camelCase(file: string): string {
  return file.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}
