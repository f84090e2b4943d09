// The rules that can be switched off for an exploration, which then has to find a schedule that does harm.
import * as library from "../../src/redis/lua/scripts.js"
import { brokenScripts } from "../../test/lua-mutants/broken-scripts.js"
import { luaMutants } from "../../test/lua-mutants/mutants.js"
import { onceMutants } from "../../test/once/mutants.js"
import type { Scripts } from "../../test/support/waiter-by-hand.js"
import { BROKEN_CLIENTS, type ClientRules } from "./quorum/client-rules.js"

/** What a world runs: the scripts, and the rules of a quorum's client. */
export interface Code {
  readonly scripts: Scripts
  readonly client: Partial<ClientRules>
}

/** The code as it is. */
export const INTACT: Code = { scripts: library, client: {} }

export interface Rule {
  /** The Lua file, or `quorum client`. */
  readonly file: string
  readonly breaks: string
  readonly codeWithout: () => Code
}

const RULES: readonly Rule[] = [
  ...[...luaMutants, ...onceMutants].map((mutant) => ({
    file: mutant.file,
    breaks: mutant.breaks,
    codeWithout: () => ({ ...INTACT, scripts: brokenScripts(mutant) }),
  })),
  ...BROKEN_CLIENTS.map(({ breaks, rules }) => ({
    file: "quorum client",
    breaks,
    codeWithout: () => ({ ...INTACT, client: rules }),
  })),
]

/** The rules that contain the text, each in a file that matches. */
export function rulesWith(text: string, files = /./): readonly Rule[] {
  const exact = RULES.filter(({ breaks }) => breaks === text)
  const found = exact.length > 0 ? exact : RULES.filter(({ breaks }) => breaks.includes(text))
  return found.filter(({ file }) => files.test(file))
}
