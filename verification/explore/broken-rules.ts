// The rules that can be switched off for an exploration, which then has to find a schedule that does harm.
import { brokenScripts, type LuaMutant } from "../../test/lua-mutants/broken-scripts.js"
import { luaMutants } from "../../test/lua-mutants/mutants.js"
import { onceMutants } from "../../test/once/mutants.js"
import type { Scripts } from "../../test/support/waiter-by-hand.js"

const RULES: readonly LuaMutant[] = [...luaMutants, ...onceMutants]

/** The rules that contain the text, each in a file that matches. */
export function rulesWith(text: string, files = /./): readonly LuaMutant[] {
  const exact = RULES.filter(({ breaks }) => breaks === text)
  const found = exact.length > 0 ? exact : RULES.filter(({ breaks }) => breaks.includes(text))
  return found.filter(({ file }) => files.test(file))
}

export function scriptsWithout(rule: LuaMutant): Scripts {
  return brokenScripts(rule)
}
