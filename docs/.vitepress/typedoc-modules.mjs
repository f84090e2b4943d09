// Names the modules of the generated reference as users import them: "fetchlock/once", not "once".
import { readFileSync } from "node:fs"
import { Converter, ReflectionKind } from "typedoc"

const { name, exports } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
)

/** From the path of an entry below src, without its extension, to the name that users import. */
const NAMES = new Map(
  Object.entries(exports)
    .filter(([, target]) => typeof target === "object")
    .map(([path, target]) => [
      target.default.replace(/^\.\/dist\/|(?:\/index)?\.js$/g, ""),
      name + path.slice(1),
    ]),
)

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      const known = NAMES.get(module.name.replace(/\/index$/, ""))
      if (!known) throw new Error(`${module.name}: not an entry in package.json's exports`)
      module.name = known
    }
  })
}
